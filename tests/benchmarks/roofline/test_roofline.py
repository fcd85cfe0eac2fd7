"""The command that sets steps beside their bounds, from end to end on something small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("threadpoolctl")

from benchmarks.roofline import __main__ as roofline
from benchmarks.roofline import limits
from benchmarks.utils import machine
from lcnn_engine import kernel_info
from tests.helpers.limits import LIMITS


def test_the_command(results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "pin", lambda core: None)
    monkeypatch.setattr(limits, "measure", lambda: LIMITS)
    precisions = ["float32", *kernel_info()["precisions"][1:]]
    assert roofline.main(["small-lookup", "--runs", "3", "--name", "few"]) == 0
    found = json.loads((results / "few.json").read_text())
    steps = found["networks"]["small-lookup"]
    assert {"conv1", "logits"} <= {step["step"] for step in steps}
    titles = ["small-lookup", *(f"small-lookup in {precision}" for precision in precisions[1:])]
    assert list(found["networks"]) == titles
    assert found["limits"]["multiplications"]["float32"] >= 1e9  # raised by what steps do
    assert capsys.readouterr().out.startswith("this core: ")
    assert roofline.main(["small-lookup", "--precisions", "int3"]) == 2
    assert "expected precisions among float32" in capsys.readouterr().err
    assert roofline.main(["missing.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_step_without_its_reason_ends_with_1(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "pin", lambda core: None)
    monkeypatch.setattr(limits, "measure", lambda: LIMITS)
    command = ["small-lookup", "--precisions", "float32", "--runs", "3", "--name", "few"]
    monkeypatch.setattr(roofline, "is_far", lambda step: step.step == "conv2")
    monkeypatch.setattr(roofline, "reason", lambda step: "it is known")
    assert roofline.main([*command, "--check"]) == 0
    monkeypatch.setattr(roofline, "reason", lambda step: None)
    assert roofline.main(command) == 0
    assert roofline.main([*command, "--check"]) == 1
    steps = json.loads((results / "few.json").read_text())["networks"]["small-lookup"]
    assert {step["why"] for step in steps} == {"", "no reason is known"}
