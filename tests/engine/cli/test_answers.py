"""How answers are written."""

from __future__ import annotations

import json

import pytest

from lcnn_engine.cli.answers import Answers, CsvAnswers, JsonAnswers, JsonLinesAnswers

CLASSES = [("cat", 0.75), ('a "dog",\n\x1b[2J', 0.25)]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (Answers, 'a.png   cat 75.00%   a "dog",\\n\\x1b[2J 25.00%\n'),
        (CsvAnswers, 'image,rank,label,probability,error\na.png,1,cat,0.75,\n'
         'a.png,2,"a ""dog"",\\n\\x1b[2J",0.25,\nb\\n.png,,,,"no, none"\n'),
    ],
)  # fmt: skip
def test_text(answers: type[Answers], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    writer = answers()
    writer.good("a.png", CLASSES)
    writer.bad("b\n.png", "no, none")
    writer.end()
    assert capsys.readouterr().out == expected


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    good = {"image": "a.png", "classes": [{"label": label, "probability": value} for label, value in CLASSES]}
    for answers, bad in ((JsonAnswers, []), (JsonLinesAnswers, [{"image": "b\n.png", "error": "no"}])):
        writer = answers()
        writer.good("a.png", CLASSES)
        writer.bad("b\n.png", "no")
        writer.end()
        out = capsys.readouterr().out
        found = json.loads(out) if answers is JsonAnswers else [json.loads(line) for line in out.splitlines()]
        assert found == [good, *bad]
