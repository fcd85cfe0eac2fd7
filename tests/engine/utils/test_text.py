"""Plain text for a terminal."""

from __future__ import annotations

import pytest

from lcnn_engine.utils.text import complain, counted, message_of, millions, note, printable, shape_text, table


def test_tables_are_aligned() -> None:
    assert table(("a", "b", "c"), [("x", "1", "22"), ("longer", "10", "")], left=1) == (
        "a        b   c\nx        1  22\nlonger  10"
    )


def test_printable() -> None:
    assert printable("a\nb\x1b\udcff é") == "a\\nb\\x1b\\udcff é"


def test_complaints_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("one\ntwo   three\r")
    assert capsys.readouterr().err == "lcnn: error: one two three\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (ValueError("wrong"), "wrong"),
    ],
)
def test_message_of(error: Exception, message: str) -> None:
    assert message_of(error) == message


def test_numbers() -> None:
    assert shape_text((224, 224, 3)) == "224 x 224 x 3"
    assert (millions(0), millions(1_234_567_890)) == ("", "1,234.568")
    assert (counted(0, "node"), counted(1, "node"), counted(1234, "node")) == ("0 nodes", "1 node", "1,234 nodes")


def test_notes_are_for_terminals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    note("unseen")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    note("a\nb")
    assert capsys.readouterr().err == "\r\x1b[2Ka\\nb"
