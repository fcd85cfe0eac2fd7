"""Model files: the rules of their metadata, what is legal, and where a file may come from."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, read_model, write_model
from tests.helpers.model_files import (
    assert_refused,
    container,
    f32,
    file_with_metadata,
    header_and_data,
    metadata,
    node,
    replaced,
    unchecked_file,
    valid_graph,
    valid_tensors,
    without,
)

META = metadata()

METADATA: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "no metadata": (lambda: file_with_metadata(None), ("metadata: expected the key 'format_version', found only []",)),
    "no version": (lambda: file_with_metadata(without(META, "format_version")), ("metadata: ", "key 'format_version'")),
    "no graph": (lambda: file_with_metadata(without(META, "graph")), ("metadata: expected the key 'graph'",)),
    "unknown version": (
        lambda: file_with_metadata(META | {"format_version": "3"}),
        ("metadata: expected format_version '1' or '2', found '3'",)),
    "unknown key": (
        lambda: file_with_metadata(META | {"author": "me"}),
        ("metadata: ", "only format_version and graph", "'author'")),
}  # fmt: skip


@pytest.mark.parametrize("rule", METADATA)
def test_metadata_refused(rule: str) -> None:
    make, fragments = METADATA[rule]
    assert_refused(make(), fragments)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"none")
    for source, name in ((path, str(path)), (str(path), str(path)), (io.BytesIO(b"none"), "<file>")):
        with pytest.raises(ModelFormatError) as caught:
            read_model(source)
        assert str(caught.value) == f"{name}: expected a safetensors file, found one of 4 bytes"


class TestLegal:
    def test_layer_without_lookups(self) -> None:
        nothing = replaced(conv_indptr=[0] * 5, conv_indices=[], conv_coefficients=[])
        _, tensors = read_model(unchecked_file(valid_graph(), nothing))
        assert tensors["conv/indices"].shape == (0,)
        assert tensors["conv/coefficients"].dtype == np.float32

    def test_dictionary_without_atoms(self) -> None:
        bare = replaced(conv_indptr=[0] * 5, conv_indices=[], conv_coefficients=[], conv_dictionary=f32(0, 3))
        _, tensors = read_model(unchecked_file(valid_graph(), bare))
        assert tensors["conv/dictionary"].shape == (0, 3)

    def test_optional_tensors(self) -> None:
        graph = valid_graph()
        node(graph, "conv")["kernel_size"] = [3, 2]
        _, tensors = read_model(unchecked_file(graph, replaced(conv_bias=None, logits_bias=None, conv_dictionary=None)))
        assert "conv/bias" not in tensors

    def test_fp16_is_widened(self) -> None:
        fp16 = {n: t.astype(np.float16) if t.dtype == np.float32 else t for n, t in valid_tensors().items()}
        _, tensors = read_model(unchecked_file(valid_graph(), fp16))
        for name, tensor in valid_tensors().items():
            assert tensors[name].dtype == tensor.dtype
            assert np.array_equal(tensors[name], tensor)

    def test_tensors_in_any_order_and_a_header_of_any_length(self) -> None:
        """The data may then start, and a tensor lie, where no float may: they come back aligned all the same."""
        odd = {"grouped/kernel": valid_tensors()["grouped/kernel"].astype(np.float16)[:, :, :, :]}
        tensors = odd | without(valid_tensors(), "grouped/kernel")
        tensors["logits/bias"] = tensors["logits/bias"].astype(np.float16)
        for space in range(4):
            header, data = header_and_data(dict(reversed(tensors.items())), metadata())
            _, found = read_model(container(json.dumps(header).encode() + b" " * space, data))
            for name, tensor in valid_tensors().items():
                assert np.array_equal(found[name], tensor)
                assert found[name].flags.aligned
                assert found[name].flags.c_contiguous


class TestSources:
    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
            read_model(tmp_path / "none.safetensors")

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFormatError, match="expected a model file, found a directory"):
            read_model(tmp_path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
    def test_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelFormatError, match="expected a model file, found a device, pipe or socket"):
            read_model(tmp_path / "pipe")

    def test_endless_device(self) -> None:
        with pytest.raises(ModelFormatError, match="device"):
            read_model("/dev/zero")

    def test_null_character(self) -> None:
        with pytest.raises(ModelFormatError, match="null character"):
            read_model("a\0b")

    def test_file_open_for_text(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("text, and more of it")
        with (
            (tmp_path / "text").open() as file,
            pytest.raises(ModelFormatError, match="reading bytes, found one that gives str"),
        ):
            read_model(file)  # type: ignore[arg-type]

    def test_what_is_no_source(self) -> None:
        with pytest.raises(TypeError, match="expected a path, bytes, or a file"):
            read_model(7)  # type: ignore[arg-type]

    def test_stream_that_gives_a_few_bytes_at_a_time(self) -> None:
        class Dripping(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(min(7, size if size is not None and size >= 0 else 7))

        graph, tensors = read_model(Dripping(unchecked_file(valid_graph(), valid_tensors())))
        assert graph.name == "valid"
        assert np.array_equal(tensors["logits/bias"], valid_tensors()["logits/bias"])

    def test_tensors_are_the_callers_own(self) -> None:
        data = bytearray(unchecked_file(valid_graph(), valid_tensors()))
        _, tensors = read_model(data)
        data[-8:] = b"\xff" * 8
        assert np.array_equal(tensors["logits/bias"], valid_tensors()["logits/bias"])


def test_what_is_read_unchecked_equals_what_is_written(tmp_path: Path) -> None:
    write_model(valid_graph(), valid_tensors(), tmp_path / "model")
    graph, tensors = read_model(tmp_path / "model")
    other_graph, other_tensors = read_model(unchecked_file(valid_graph(), valid_tensors()))
    assert graph == other_graph
    assert all(np.array_equal(tensors[name], other_tensors[name]) for name in other_tensors)
