"""write_model: what it writes, byte for byte, and that it writes all or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from lcnn_engine import ModelFormatError, read_model, write_model
from lcnn_engine.format import safetensors_file
from lcnn_engine.model.graph import NODE_TYPES
from tests.golden import make_golden
from tests.helpers.model_files import valid_graph, valid_tensors
from tests.helpers.networks import small_classifier

TEMPORARY = ".lcnn-*"
MAKE_GOLDEN = "if the format has changed: python -m tests.golden.make_golden"


class TestGolden:
    """``golden/every_operation.safetensors``, which ``golden/make_golden.py`` makes."""

    def test_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "golden.safetensors"
        write_model(make_golden.graph(), make_golden.tensors(make_golden.FLAT), path)
        assert path.read_bytes() == make_golden.PATH.read_bytes(), MAKE_GOLDEN

    def test_comes_back(self) -> None:
        graph, tensors = read_model(make_golden.PATH)
        assert {item.op for item in graph.nodes} == set(NODE_TYPES), (
            f"tests/golden/make_golden.py, graph(); {MAKE_GOLDEN}"
        )
        for name, tensor in make_golden.tensors(make_golden.FLAT).items():
            assert np.array_equal(tensors[name], tensor)
        for item in make_golden.graph()["nodes"]:
            attributes = graph[item["name"]].attributes()
            for key, value in item.items():
                if key not in ("name", "op", "inputs"):
                    assert attributes[key] == (tuple(value) if isinstance(value, list) else value)

    def test_is_the_same_written_from_what_was_read(self, tmp_path: Path) -> None:
        graph, _ = read_model(make_golden.PATH)
        path = tmp_path / "again.safetensors"
        write_model(graph, make_golden.tensors(make_golden.FLAT), path)
        assert path.read_bytes() == make_golden.PATH.read_bytes()

    def test_the_safetensors_package_reads_it(self) -> None:
        with safe_open(make_golden.PATH, framework="numpy") as file:
            assert file.metadata().keys() == {"format_version", "graph"}
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        expected = make_golden.tensors(make_golden.FLAT)
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            assert found[name].dtype == tensor.dtype
            assert np.array_equal(found[name], tensor)

    def test_floats_start_where_floats_may(self) -> None:
        with make_golden.PATH.open("rb") as file:
            header = safetensors_file.read_header(file, None)
            assert file.tell() % 8 == 0
        for entry in header.entries.values():
            assert entry.begin % safetensors_file.DTYPES[entry.dtype].itemsize == 0


class TestWriting:
    def test_a_graph_of_dataclasses(self, tmp_path: Path) -> None:
        graph, tensors = small_classifier()
        write_model(graph, tensors, tmp_path / "model.safetensors")
        read_graph, read_tensors = read_model(tmp_path / "model.safetensors")
        assert read_graph == graph
        assert read_tensors.keys() == tensors.keys()
        assert all(np.array_equal(read_tensors[name], tensors[name]) for name in tensors)

    def test_same_bytes_whatever_the_order_and_layout_of_tensors(self, tmp_path: Path) -> None:
        write_model(valid_graph(), valid_tensors(), tmp_path / "a")
        strange = {name: np.asfortranarray(t.astype(t.dtype.newbyteorder(">"))) for name, t in valid_tensors().items()}
        write_model(valid_graph(), dict(reversed(strange.items())), str(tmp_path / "b"))
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            (np.zeros(2), "float64"),
            (np.zeros(2, np.int64), "int64"),
            (np.zeros(2, bool), "bool"),
            (np.zeros(2, complex), "complex128"),
            (np.array(["a", "b"]), "<U1"),
            ([0.0, 0.0], "list"),
            (None, "NoneType"),
        ],
    )
    def test_tensors_that_a_file_cannot_hold(self, value: Any, found: str, tmp_path: Path) -> None:
        message = f"tensor 'logits/bias': expected a float32, float16, int32 or int8 NumPy array, found {found}"
        with pytest.raises(ModelFormatError, match=message):
            write_model(valid_graph(), valid_tensors() | {"logits/bias": value}, tmp_path / "model")

    def test_tensor_whose_name_is_no_string(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFormatError, match="tensor 7: expected"):
            write_model(valid_graph(), {**valid_tensors(), 7: np.zeros(1)}, tmp_path / "model")  # type: ignore[dict-item]

    def test_header_over_the_cap(self, tmp_path: Path) -> None:
        graph = valid_graph() | {"labels": ["a" * 9_000_000, "b" * 9_000_000]}
        with pytest.raises(ModelFormatError, match="header of at most 16777216 bytes"):
            write_model(graph, valid_tensors(), tmp_path / "model")

    def test_limits_are_the_readers(self, tmp_path: Path) -> None:
        graph, tensors = small_classifier()
        with pytest.raises(ModelFormatError, match="max_bytes"):
            write_model(graph, tensors, tmp_path / "model", max_bytes=1000)
        with pytest.raises(ModelFormatError, match="max_multiplications"):
            write_model(graph, tensors, tmp_path / "model", max_multiplications=1000)
        assert not list(tmp_path.iterdir())

    def test_the_files_mode_follows_the_umask(self, tmp_path: Path) -> None:
        write_model(valid_graph(), valid_tensors(), tmp_path / "model")
        (tmp_path / "plain").write_bytes(b"")
        assert (tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode


class TestAllOrNothing:
    def test_a_file_in_place_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "model"
        path.write_bytes(b"old" * 10_000)
        write_model(valid_graph(), valid_tensors(), path)
        assert read_model(path)[0].name == "valid"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
    @pytest.mark.parametrize("where", ["write", "fsync", "replace"])
    def test_failure_leaves_the_old_file(
        self, error: BaseException, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "model"
        path.write_bytes(b"old")

        def fail(*_: object, **__: object) -> None:
            raise error

        owner = {"write": safetensors_file, "fsync": os, "replace": Path}[where]
        monkeypatch.setattr(owner, where, fail)
        with pytest.raises(type(error)):
            write_model(valid_graph(), valid_tensors(), path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            write_model(valid_graph(), valid_tensors(), tmp_path / "none" / "model")

    def test_directory_in_the_place_of_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError):
            write_model(valid_graph(), valid_tensors(), tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_invalid_model_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "model"
        path.write_bytes(b"old")
        with pytest.raises(ModelFormatError):
            write_model(valid_graph(), {}, path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_killed_at_any_moment_the_file_is_whole(self, tmp_path: Path) -> None:
        """A process that writes two models over one another is killed: one of the two stands there, complete."""
        path = tmp_path / "model"
        program = """
            import sys
            from lcnn_engine import write_model
            from tests.helpers.model_files import valid_graph, valid_tensors
            graphs = [valid_graph() | {"name": name} for name in ("one", "two")]
            for turn in range(10**9):
                write_model(graphs[turn % 2], valid_tensors(), sys.argv[1])
                turn == 0 and print("started", flush=True)
        """
        command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
        for delay in (0.0, 0.003, 0.01, 0.03):
            writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"started\n"
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            assert read_model(path)[0].name in ("one", "two")
