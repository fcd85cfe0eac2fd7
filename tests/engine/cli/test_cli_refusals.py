"""Whatever is given to ``lcnn``: exit status 2 and a line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import make_golden
from tests.helpers.model_files import node, unchecked_file, valid_graph, valid_tensors
from tests.helpers.running import Run, in_shell


@pytest.mark.parametrize("command", ["predict", "info", "verify", "profile", "bench"])
def test_models_that_are_none(run: Run, command: str, tmp_path: Path, images: list[Path]) -> None:
    invalid = valid_graph()
    node(invalid, "conv")["filters"] = 0
    sources = {
        "none": None,
        "text": b"This is no model.",
        "cut": make_golden.PATH.read_bytes()[:-1],
        "invalid": unchecked_file(invalid, valid_tensors()),
    }
    for name, data in sources.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        status, out, err = run(command, path, *(images[:1] if command == "predict" else []))
        assert (status, out) == (2, ""), name
        assert err.startswith(f"lcnn: error: {path}: ")
        assert err.count("\n") == 1


def test_directory_as_a_model(run: Run, tmp_path: Path) -> None:
    status, _, err = run("info", tmp_path)
    assert (status, err) == (2, f"lcnn: error: {tmp_path}: expected a model file, found a directory\n")


def test_more_threads_than_there_can_be(run: Run, model_path: Path, images: list[Path]) -> None:
    for command in (
        ("predict", model_path, images[0]),
        *((name, model_path) for name in ("verify", "profile", "bench")),
    ):
        status, _, err = run(*command, "--threads", 1000)
        assert status == 2
        assert "from 1 to 256" in err


@pytest.mark.parametrize("command", ["info", "info MODEL", "predict MODEL IMAGE", "verify MODEL", "bench MODEL"])
def test_unknown_isa(command: str, model_path: Path, images: list[Path]) -> None:
    command = command.replace("MODEL", f"'{model_path}'").replace("IMAGE", f"'{images[0]}'")
    result = in_shell(f"lcnn {command}", LCNN_ISA="neon9")
    if "info '" in command:  # reads the model alone
        assert result.returncode == 0
    else:
        assert result.returncode == 2
        assert result.stderr.startswith("lcnn: error: ")
        assert result.stderr.count("\n") == 1
        assert "neon9" in result.stderr


def test_memory_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("lcnn_engine.cli.info.read_model", fail)
    assert run("info", "model") == (2, "", "lcnn: error: out of memory\n")


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lcnn_engine.cli.info.read_model", interrupt)
    assert run("info", "model") == (130, "", "")
