"""``--precision`` of the commands that run a network, and what they let it take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lcnn_engine import kernel_info
from tests.helpers.running import Run

COMMANDS = {
    "predict": ("--json",),
    "profile": ("--runs", "1", "--json"),
    "bench": ("--runs", "1", "--warmup", "0", "--json"),
    "verify": ("--json",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_runs_a_network_takes_it(
    run: Run, command: str, model_path: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fastest = kernel_info()["precisions"][-1]
    arguments = (command, model_path, images[0], *COMMANDS[command], "--precision")
    status, out, err = run(*arguments, "fastest")
    assert (status, err) == (0, "")
    if command != "predict":
        assert json.loads(out)["precision"] == fastest
    monkeypatch.setenv("LCNN_ISA", "scalar")
    status, plain, err = run(*arguments, "bfloat16")
    assert status == 0
    assert err == "lcnn: no bfloat16 in the kernels scalar: computed in float32\n"
    if command == "predict":
        assert json.loads(plain) != json.loads(out) or fastest == "float32"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_one_is_refused_with_the_choices(run: Run, command: str, model_path: Path) -> None:
    status, out, err = run(command, model_path, "image.png", "--precision", "half")
    assert (status, out) == (2, "")
    assert all(choice in err for choice in ("float32", "bfloat16", "int8", "fastest"))


@pytest.mark.parametrize("limit", ["max-bytes", "max-multiplications"])
@pytest.mark.parametrize("command", [*COMMANDS, "info", "embed"])
def test_every_command_takes_the_limits(
    run: Run, command: str, limit: str, model_path: Path, images: list[Path], tmp_path: Path
) -> None:
    second = {"embed": [tmp_path / "net"], "info": []}.get(command, images[:1])
    arguments = (command, model_path, *second, *COMMANDS.get(command, ()), f"--{limit}")
    status, out, err = run(*arguments, 1000)
    assert (status, out) == (2, "")
    assert err.startswith(f"lcnn: error: {model_path}: node ")
    assert limit.replace("-", "_") in err
    assert run(*arguments, 10**9)[0] == 0


def test_the_heads_of_tables_say_it(run: Run, model_path: Path) -> None:
    for precision in kernel_info()["precisions"]:
        for command in ("profile", "bench"):
            head = run(command, model_path, "--runs", 1, "--precision", precision)[1].splitlines()[0]
            assert (f"{kernel_info()['isa']} in {precision}," in head) is (precision != "float32")


def test_info_lists_those_of_this_machine(run: Run) -> None:
    assert f"precisions     {', '.join(kernel_info()['precisions'])}\n" in run("info")[1]
