"""Model files: how much memory and time one may take."""

from __future__ import annotations

import io
import json
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
    in_order,
    metadata,
    node,
    refusal,
    unchecked_file,
    valid_graph,
    valid_tensors,
    without,
)


def pool_after_padding(**padding: list[int]) -> tuple[dict[str, Any], Tensors]:
    graph = valid_graph()
    node(graph, "conv").update(padding)
    return graph, valid_tensors()


def test_activations_of_more_than_max_bytes() -> None:
    data = unchecked_file(valid_graph(), valid_tensors())
    message = refusal(data, max_bytes=1000)
    assert in_order(message, ("node 'conv': ", "at most 1000 bytes in all (max_bytes), found"))
    read_model(data, max_bytes=10_000)


def test_a_large_input_counts() -> None:
    graph = without(valid_graph(), "preprocessing") | {"input": {"name": "image", "shape": [40_000, 10_000, 3]}}
    message = refusal(unchecked_file(graph, valid_tensors()))
    assert "expected activations of at most 4294967296 bytes in all (max_bytes)" in message


def test_padding_counts_where_no_output_shows_it() -> None:
    graph, tensors = pool_after_padding(padding=[30_000, 30_000, 3000, 3000], strides=[30_000, 3000])
    graph["nodes"][1]["pool_size"] = [1, 1]
    graph["nodes"][1]["strides"] = [2, 1]
    message = refusal(unchecked_file(graph, tensors))
    assert in_order(message, ("node 'conv': ", "4294967296 bytes in all"))


def test_padded_input_of_too_many_values() -> None:
    graph, tensors = pool_after_padding(padding=[2**30] * 4, strides=[2**30] * 2)
    message = refusal(unchecked_file(graph, tensors), max_bytes=2**70)
    assert in_order(message, ("node 'conv': expected a padded input of at most 2147483647, found",))


def test_s_of_too_many_values() -> None:
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


def test_more_columns_of_p_than_an_index_holds() -> None:
    graph, tensors = pool_after_padding(padding=[0, 0, 0, 0], kernel_size=[30_000, 30_000])
    graph["input"]["shape"] = [30_002, 30_002, 1]
    graph["nodes"] = graph["nodes"][:1]
    graph = without(graph, "labels", "preprocessing") | {"output": "conv"}
    tensors = {name: tensor for name, tensor in tensors.items() if name.startswith("conv/")}
    tensors["conv/dictionary"] = f32(3, 1)
    message = refusal(unchecked_file(graph, tensors), max_bytes=2**40)
    assert "node 'conv': expected kh * kw * k of at most 2147483647, found 2700000000" in message


TALL = {
    "pad2d": {"padding": [2**24, 0, 0, 0], "mode": "edge"},
    "resize2d": {"size": [2**24, 1], "method": "bicubic"},
}


@pytest.mark.parametrize("op", TALL)
def test_tables_count(op: str) -> None:
    """A table of rows takes more than the one column of pixels that it is for."""
    graph = {
        "name": "tall", "input": {"name": "image", "shape": [1, 1, 1]}, "output": "a",
        "nodes": [{"name": "a", "op": op, "inputs": ["image"], **TALL[op]}],
    }  # fmt: skip
    tracemalloc.start()
    message = refusal(unchecked_file(graph, {}), max_bytes=2**28)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert in_order(message, ("node 'a': expected activations of at most 268435456 bytes in all (max_bytes), found",))
    assert peak < 1e6


def test_a_copy_of_what_is_reshaped_counts() -> None:
    graph = {
        "name": "flat", "input": {"name": "image", "shape": [100, 100, 10]}, "output": "a",
        "nodes": [{"name": "a", "op": "reshape", "inputs": ["image"], "shape": [10, 100, 100]}],
    }  # fmt: skip
    assert "found 1200000, of which 800000 are here" in refusal(unchecked_file(graph, {}), max_bytes=1_000_000)
    read_model(unchecked_file(graph, {}), max_bytes=1_200_000)


@pytest.mark.parametrize("limit", ["max_bytes", "max_multiplications"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "4"])
def test_limits_that_mean_nothing(limit: str, value: Any) -> None:
    with pytest.raises(SettingError, match=limit):
        read_model(b"", **{limit: value})


def test_more_multiplications_than_max_multiplications() -> None:
    data = unchecked_file(valid_graph(), valid_tensors())
    message = refusal(data, max_multiplications=100)
    assert in_order(message, ("node ", "at most 100 multiplications for one input in all (max_multiplications), found"))
    read_model(data, max_multiplications=1043)


def bomb(edge: int) -> bytes:
    """A kernel of edge x edge, with as much padding around one pixel: edge^4 multiplications."""
    padding = [edge - 1, edge, edge - 1, edge]
    graph = {
        "name": "bomb", "input": {"name": "image", "shape": [1, 1, 1]}, "output": "conv",
        "nodes": [
            {"name": "conv", "op": "conv2d", "inputs": ["image"], "filters": 1, "kernel_size": [edge, edge],
             "padding": padding},
        ],
    }  # fmt: skip
    return unchecked_file(graph, {"conv/kernel": f32(1, 1, edge, edge)})


def test_a_file_that_would_compute_for_minutes() -> None:
    assert "(max_multiplications), found" in refusal(bomb(1500))
    read_model(bomb(900))


@pytest.mark.parametrize(
    "node",
    [
        {"op": "max_pool2d", "pool_size": [12_000, 12_000], "strides": [1, 1]},
        {"op": "avg_pool2d", "pool_size": [10_000, 9_000], "strides": [2, 1]},
    ],
    ids=lambda node: node["op"],
)
def test_windows_of_pools_count(node: dict[str, Any]) -> None:
    graph = {
        "name": "pool", "input": {"name": "image", "shape": [16_000, 16_000, 1]}, "output": "pool",
        "nodes": [{"name": "pool", "inputs": ["image"], **node}],
    }  # fmt: skip
    assert "(max_multiplications), found" in refusal(unchecked_file(graph, {}))


def test_a_header_that_promises_much_takes_no_memory(tmp_path: Path) -> None:
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


def test_a_hundred_thousand_nodes_take_seconds() -> None:
    names = ["image", *(f"n{i}" for i in range(100_000))]
    nodes = [{"name": b, "op": "softmax", "inputs": [a]} for a, b in pairwise(names)]
    graph = {"name": "long", "input": {"name": "image", "shape": [1, 1, 1]}, "output": names[-1], "nodes": nodes}
    data = unchecked_file(graph, {})
    start = time.perf_counter()
    assert len(read_model(data)[0].nodes) == 100_000
    assert time.perf_counter() - start < 60  # about 1 s on an idle core; quadratic would be an hour


def test_doubling_a_hundred_times() -> None:
    graph = valid_graph()
    names = ["flat", *(f"n{i}" for i in range(100))]
    graph["nodes"] += [{"name": b, "op": "concat", "inputs": [a, a]} for a, b in pairwise(names)]
    assert "node 'n25': expected an output of at most 2147483647 values" in refusal(
        unchecked_file(graph, valid_tensors())
    )


def test_a_long_value_makes_no_long_message() -> None:
    graph = valid_graph()
    node(graph, "conv").update(activation="x" * 10**6, name=["y" * 1000] * 1000)
    assert len(refusal(unchecked_file(graph, valid_tensors()))) < 1000
    node(graph, "pool")["padding"] = list(range(10**5))
    node({"nodes": graph["nodes"]}, "pool").update(name="z" * 10**5)
    graph["nodes"] = graph["nodes"][1:]
    assert len(refusal(unchecked_file(graph, valid_tensors()))) < 1000
