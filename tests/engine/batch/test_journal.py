"""Rows that outlive the run that wrote them, however it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lcnn_engine import SettingError
from lcnn_engine.batch.journal import Journal, journal_of

HEAD = {"lcnn batch": 1, "model": "ab"}


def row(path: str, error: str | None = None) -> dict[str, Any]:
    return {"path": path, "label": "x", "probability": 0.1, "error": error}


ROWS = [row("a"), row("b\udcff\n", "bad"), row("a"), row("猫")]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The name of a file whose run was interrupted after four rows."""
    out = tmp_path / "rows.csv"
    with Journal(out, HEAD, 1, resume=False) as journal:
        journal.add(ROWS[:1])
        journal.add(ROWS[1:])
    return out


def test_begun_and_gone_on_with(out: Path) -> None:
    assert journal_of(out) == out.with_name("rows.csv.partial")
    with Journal(out, HEAD, 1, resume=True) as journal:
        assert dict(journal.done) == {"a": 2, "b\udcff\n": 1, "猫": 1}
        assert journal.failed == 1
        journal.add([row("c")])
        assert list(journal.rows()) == [*ROWS, row("c")]
        journal.remove()
    assert not journal_of(out).exists()


def test_cut_off_anywhere(out: Path) -> None:
    """Whatever is left of a file, whole rows stay, the rest is cut off, and what comes next is whole, too."""
    whole = journal_of(out).read_bytes()
    head = whole.index(b"\n") + 1
    for size in range(head, len(whole) + 1):
        journal_of(out).write_bytes(whole[:size])
        kept = whole[head:size].count(b"\n")
        with Journal(out, HEAD, 1, resume=True) as journal:
            assert journal.done.total() == kept
            journal.add([row("next")])
            assert list(journal.rows()) == [*ROWS[:kept], row("next")]


@pytest.mark.parametrize("end", [b"\0" * 4096, b'{"path": "x"}\n', b"[]\n", b'{"path": "x", "lab', b"\xff\n", b"\n"])
def test_an_end_that_is_no_row(out: Path, end: bytes) -> None:
    with journal_of(out).open("ab") as file:
        file.write(end + json.dumps(row("after")).encode() + b"\n")
    with Journal(out, HEAD, 1, resume=True) as journal:
        assert list(journal.rows()) == ROWS


def test_a_run_that_ended_before_its_first_row_is_none(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.csv", HEAD, 1, resume=False):
        pass
    with Journal(tmp_path / "a.csv", HEAD | {"model": "cd"}, 2, resume=False) as journal:
        assert not journal.done
        assert journal.path.read_bytes().count(b"\n") == 1
        assert b"cd" in journal.path.read_bytes()


def test_another_run_is_refused(out: Path) -> None:
    before = journal_of(out).read_bytes()
    with pytest.raises(SettingError, match=r"rows\.csv\.partial: expected no run that was interrupted.*--resume"):
        Journal(out, HEAD, 1, resume=False)
    with pytest.raises(SettingError, match="got another model; give the same, or remove the file"):
        Journal(out, HEAD | {"model": "cd"}, 1, resume=True)
    assert journal_of(out).read_bytes() == before


@pytest.mark.parametrize("content", [b"my notes\n", b"my notes", b"{}\n", b'{"path": 1}\n', b"\0\n"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "a.csv"
    journal_of(out).write_bytes(content)
    for resume in (False, True):
        with pytest.raises(SettingError, match="found another file; move it"):
            Journal(out, HEAD, 1, resume)
    assert journal_of(out).read_bytes() == content


def test_one_run_at_a_time(out: Path) -> None:
    pytest.importorskip("fcntl")
    with (
        Journal(out, HEAD, 1, resume=True),
        pytest.raises(SettingError, match="expected no other run that writes it"),
    ):
        Journal(out, HEAD, 1, resume=True)
