"""docs/training.md: its lines run as they are printed, and its ten lines are ten."""

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent.parent


def test_the_guide_runs_as_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "training.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/training.md", "exec"), names)
    assert len([line for line in blocks[1].splitlines() if line.strip()]) == 10
    printed = capsys.readouterr().out
    assert "the classifier stays dense" in printed
    x, y, lookups = names["x"], names["y"], names["lookups"]
    assert (lookups.predict(x, verbose=0).argmax(-1) == y).mean() >= 0.9
    net = names["Net"].load("digits.safetensors", threads=1)
    assert (net.predict(np.asarray(x)).argmax(-1) == y).mean() >= 0.9
    assert printed.rstrip().endswith("]")
    assert net.classify("tests/data/digits/0000_label0.png")[0][0] == "0"
