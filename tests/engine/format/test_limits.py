"""Model files: what is legal, how much memory and time a file may take, and where it may come from."""

from __future__ import annotations

import io
import json
import os
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, SettingError, read_model
from tests.helpers.model_files import (
    Tensors,
    container,
    f32,
    header_and_data,
    in_order,
    metadata,
    node,
    refusal,
    replaced,
    unchecked_file,
    valid_graph,
    valid_tensors,
    without,
)


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


def pool_after_padding(**padding: list[int]) -> tuple[dict[str, Any], Tensors]:
    graph = valid_graph()
    node(graph, "conv").update(padding)
    return graph, valid_tensors()


class TestLimits:
    def test_activations_of_more_than_max_bytes(self) -> None:
        data = unchecked_file(valid_graph(), valid_tensors())
        message = refusal(data, max_bytes=1000)
        assert in_order(message, ("node 'conv': ", "at most 1000 bytes in all (max_bytes), found"))
        read_model(data, max_bytes=10_000)

    def test_a_large_input_counts(self) -> None:
        graph = without(valid_graph(), "preprocessing") | {"input": {"name": "image", "shape": [40_000, 10_000, 3]}}
        message = refusal(unchecked_file(graph, valid_tensors()))
        assert "expected activations of at most 4294967296 bytes in all (max_bytes)" in message

    def test_padding_counts_where_no_output_shows_it(self) -> None:
        graph, tensors = pool_after_padding(padding=[30_000, 30_000, 3000, 3000], strides=[30_000, 3000])
        graph["nodes"][1]["pool_size"] = [1, 1]
        graph["nodes"][1]["strides"] = [2, 1]
        message = refusal(unchecked_file(graph, tensors))
        assert in_order(message, ("node 'conv': ", "4294967296 bytes in all"))

    def test_padded_input_of_too_many_values(self) -> None:
        graph, tensors = pool_after_padding(padding=[2**30] * 4, strides=[2**30] * 2)
        message = refusal(unchecked_file(graph, tensors), max_bytes=2**70)
        assert in_order(message, ("node 'conv': expected a padded input of at most 2147483647, found",))

    def test_s_of_too_many_values(self) -> None:
        graph = {
            "name": "tall", "input": {"name": "image", "shape": [30_000, 30_000, 1]}, "output": "conv",
            "nodes": [
                {"name": "conv", "op": "lookup_conv2d", "inputs": ["image"], "filters": 1, "kernel_size": [1, 1]}
            ],
        }  # fmt: skip
        tensors = {"conv/dictionary": f32(3, 1), "conv/indptr": np.zeros(2, np.int32),
                   "conv/indices": np.zeros(0, np.int32), "conv/coefficients": f32(0)}  # fmt: skip
        message = refusal(unchecked_file(graph, tensors), max_bytes=2**40)
        assert "node 'conv': expected S of at most 2147483647, found 2700000000" in message

    def test_more_columns_of_p_than_an_index_holds(self) -> None:
        graph, tensors = pool_after_padding(padding=[0, 0, 0, 0], kernel_size=[30_000, 30_000])
        graph["input"]["shape"] = [30_002, 30_002, 1]
        graph["nodes"] = graph["nodes"][:1]
        graph = without(graph, "labels", "preprocessing") | {"output": "conv"}
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith("conv/")}
        tensors["conv/dictionary"] = f32(3, 1)
        message = refusal(unchecked_file(graph, tensors), max_bytes=2**40)
        assert "node 'conv': expected kh * kw * k of at most 2147483647, found 2700000000" in message

    @pytest.mark.parametrize("max_bytes", [0, -1, 1.5, True, None, "4"])
    def test_max_bytes_that_mean_nothing(self, max_bytes: Any) -> None:
        with pytest.raises(SettingError, match="max_bytes"):
            read_model(b"", max_bytes=max_bytes)

    def test_a_header_that_promises_much_takes_no_memory(self, tmp_path: Path) -> None:
        promise = {"dtype": "F32", "shape": [2**29], "data_offsets": [0, 2**31]}
        graph = valid_graph() | {
            "nodes": [{"name": "d", "op": "dense", "inputs": ["image"], "units": 1}],
            "output": "d",
        }
        data = container({"__metadata__": metadata() | {"graph": json.dumps(graph)}, "d/kernel": promise}, bytes(100))
        path = tmp_path / "promise.safetensors"
        path.write_bytes(data)
        tracemalloc.start()
        for source in (path, data, io.BytesIO(data)):
            with pytest.raises(ModelFormatError):
                read_model(source)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5e6

    def test_a_hundred_thousand_nodes_take_seconds(self) -> None:
        names = ["image", *(f"n{i}" for i in range(100_000))]
        nodes = [{"name": b, "op": "softmax", "inputs": [a]} for a, b in pairwise(names)]
        graph = {"name": "long", "input": {"name": "image", "shape": [1, 1, 1]}, "output": names[-1], "nodes": nodes}
        data = unchecked_file(graph, {})
        start = time.perf_counter()
        assert len(read_model(data)[0].nodes) == 100_000
        assert time.perf_counter() - start < 60  # about 1 s on an idle core; quadratic would be an hour

    def test_doubling_a_hundred_times(self) -> None:
        graph = valid_graph()
        names = ["flat", *(f"n{i}" for i in range(100))]
        graph["nodes"] += [{"name": b, "op": "concat", "inputs": [a, a]} for a, b in pairwise(names)]
        assert "node 'n25': expected an output of at most 2147483647 values" in refusal(
            unchecked_file(graph, valid_tensors())
        )

    def test_a_long_value_makes_no_long_message(self) -> None:
        graph = valid_graph()
        node(graph, "conv").update(activation="x" * 10**6, name=["y" * 1000] * 1000)
        assert len(refusal(unchecked_file(graph, valid_tensors()))) < 1000
        node(graph, "pool")["padding"] = list(range(10**5))
        node({"nodes": graph["nodes"]}, "pool").update(name="z" * 10**5)
        graph["nodes"] = graph["nodes"][1:]
        assert len(refusal(unchecked_file(graph, valid_tensors()))) < 1000


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
