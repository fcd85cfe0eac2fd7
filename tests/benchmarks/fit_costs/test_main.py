"""The command that fits: what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.fit_costs import __main__ as command
from benchmarks.fit_costs.layers import Layer, layers
from benchmarks.utils import machine
from lcnn_engine.kernels import LAYOUTS, usable_variants
from lcnn_engine.plan.times.machines import Times


@pytest.fixture(autouse=True)
def _not_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "pin", lambda: 0)


def test_a_class_is_written_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: list[Layer] = list(layers(1, 0.05))
    monkeypatch.setattr(command, "layers", lambda seed, share: drawn)
    table, variant = tmp_path / "machines.json", usable_variants()[0]
    for name in ("first", "second"):
        assert command.main(["--variants", variant, "--name", name, "--table", str(table), "--near", str(2**20)]) == 0
    classes = json.loads(table.read_text())["classes"]
    assert [(one["name"], one["variant"]) for one in classes] == [("second", variant)]
    assert set(classes[0]["kernels"]) == set(LAYOUTS)
    assert set(Times._fields) <= set(classes[0])
    assert "lookup_tile" in capsys.readouterr().out


def test_a_network_is_predicted_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check-only", "--networks", "small-lookup", "--steps"]) == 0
    printed = capsys.readouterr().out
    assert "small-lookup" in printed
    assert "measured" in printed
    assert "int8" in printed


@pytest.mark.parametrize("wrong", [["--variants", "sse9"], ["--networks", "lenet-9"]])
def test_names_that_are_none_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check-only", *wrong]) == 2
    assert f"got {wrong[1]}" in capsys.readouterr().err
