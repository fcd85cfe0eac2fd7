"""The command that sets steps beside their bounds, from end to end on something small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("threadpoolctl")

from benchmarks.roofline import __main__ as roofline
from benchmarks.roofline import limits
from benchmarks.utils import machine
from tests.helpers.limits import LIMITS


def test_the_command(results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "pin", lambda core: None)
    monkeypatch.setattr(limits, "measure", lambda: LIMITS)
    assert roofline.main(["small-lookup", "--runs", "3", "--name", "few"]) == 0
    found = json.loads((results / "few.json").read_text())
    steps = found["networks"]["small-lookup"]
    assert {"conv1", "logits"} <= {step["step"] for step in steps}
    assert found["limits"]["multiplications"] >= 1e9  # raised by what steps do
    assert capsys.readouterr().out.startswith("this core: ")
    assert roofline.main(["missing.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
