"""docs/training.md: its lines run as they are printed, and its ten lines are ten."""

import re
import shlex
from pathlib import Path

import numpy as np

from lcnn_train.cli import main

ROOT = Path(__file__).parent.parent.parent


def test_the_guide_runs_as_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    fenced = re.findall(r"```(python|sh)\n(.*?)```", page, re.DOTALL)
    blocks = [block for language, block in fenced if language == "python"]
    names: dict[str, object] = {}
    printed = ""
    for language, block in fenced:
        if language == "python":
            exec(compile(block, "docs/training.md", "exec"), names)
            printed += capsys.readouterr().out
        else:
            (words,) = (shlex.split(line) for line in block.splitlines())
            assert words[0] == "lcnn-train"
            assert main(words[1:]) == 0
            assert "| accuracy (95% interval) |" in capsys.readouterr().out
    assert len([line for line in blocks[1].splitlines() if line.strip()]) == 10
    assert "the classifier stays dense" in printed
    x, y, lookups = names["x"], names["y"], names["lookups"]
    assert (lookups.predict(x, verbose=0).argmax(-1) == y).mean() >= 0.9
    net = names["Net"].load("digits.safetensors", threads=1)
    assert (net.predict(np.asarray(x)).argmax(-1) == y).mean() >= 0.9
    assert printed.rstrip().endswith("]")
    assert net.classify("tests/data/digits/0000_label0.png")[0][0] == "0"
