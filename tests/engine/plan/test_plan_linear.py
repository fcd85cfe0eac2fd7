"""Reading and planning take work in proportion to the number of nodes and tensors, whatever the graph looks like.

Counted are calls, of Python's functions and of those in C, which no busy machine changes; what one call in C does is
not seen, so processor time is looked at too, with much room.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lcnn_engine import read_model
from lcnn_engine.plan import Plan
from tests.helpers.model_files import unchecked_file

Nodes = list[dict[str, Any]]
Tensors = dict[str, np.ndarray]


def convolution(name: str, source: str, tensors: Tensors) -> dict[str, Any]:
    tensors[f"{name}/kernel"] = np.full((2, 2, 1, 1), 0.5, np.float32)
    return {"name": name, "op": "conv2d", "inputs": [source], "filters": 2, "kernel_size": [1, 1]}


def chain(count: int, tensors: Tensors) -> Nodes:
    """A convolution, a norm that is folded into it, an activation that it takes along, and a sum of two before."""
    nodes: Nodes = []
    previous = last = "image"
    for i in range(count // 4):
        nodes.append(convolution(f"c{i}", previous, tensors))
        nodes.append({"name": f"n{i}", "op": "batch_norm", "inputs": [f"c{i}"]})
        nodes.append({"name": f"r{i}", "op": "activation", "inputs": [f"n{i}"], "activation": "relu"})
        nodes.append({"name": f"s{i}", "op": "add", "inputs": [f"r{i}", last]})
        tensors |= {f"n{i}/scale": np.ones(2, np.float32), f"n{i}/shift": np.zeros(2, np.float32)}
        last, previous = previous, f"s{i}"
    return nodes


def fan(count: int, tensors: Tensors) -> Nodes:
    """Very many users of one value, and all that they give together."""
    nodes = [convolution(f"c{i}", "image", tensors) for i in range(count)]
    return [*nodes, {"name": "s", "op": "concat", "inputs": [node["name"] for node in nodes]}]


def mirror(count: int, tensors: Tensors) -> Nodes:
    """Every value of the first half is needed once more, the first of them last: all live at once."""
    nodes, previous, half = [], "image", range(count // 3)
    for i in half:
        nodes.append(convolution(f"d{i}", previous, tensors))
        previous = f"d{i}"
    for i in reversed(half):
        nodes.append(convolution(f"u{i}", previous, tensors))
        nodes.append({"name": f"s{i}", "op": "multiply", "inputs": [f"u{i}", f"d{i}"]})
        previous = f"s{i}"
    return nodes


def moves(count: int, tensors: Tensors) -> Nodes:
    """Channels that change places, borders that come and go, and constants: all that folding looks through."""
    nodes, previous = [], "image"
    for i in range(count // 6):
        nodes.append({"name": f"t{i}", "op": "take_channels", "inputs": [previous], "channels": 2})
        nodes.append(convolution(f"c{i}", f"t{i}", tensors))
        nodes.append({"name": f"k{i}", "op": "constant", "inputs": [], "shape": [2]})
        nodes.append({"name": f"m{i}", "op": "multiply", "inputs": [f"c{i}", f"k{i}"]})
        nodes.append({"name": f"p{i}", "op": "zero_pad2d", "inputs": [f"m{i}"], "padding": [1, 0, 0, 0]})
        nodes.append({"name": f"x{i}", "op": "crop2d", "inputs": [f"p{i}"], "cropping": [1, 0, 0, 0]})
        tensors |= {f"t{i}/indices": np.array([1, 0], np.int32), f"k{i}/value": np.ones(2, np.float32)}
        previous = f"x{i}"
    return nodes


def vectors(count: int, tensors: Tensors) -> Nodes:
    nodes: Nodes = [{"name": "v", "op": "flatten", "inputs": ["image"]}]
    for i in range(count):
        nodes.append({"name": f"f{i}", "op": "dense", "inputs": [nodes[-1]["name"]], "units": 3, "activation": "relu"})
        tensors[f"f{i}/kernel"] = np.ones((3, 3 if i else 32), np.float32)
    return nodes


GRAPHS = [chain, fan, mirror, moves, vectors]


def loading(make: Callable[[int, Tensors], Nodes], count: int) -> Callable[[], Plan]:
    tensors: Tensors = {}
    nodes = make(count, tensors)
    image = {"name": "image", "shape": [4, 4, 2]}
    data = unchecked_file({"name": "m", "input": image, "output": nodes[-1]["name"], "nodes": nodes}, tensors)
    return lambda: Plan(*read_model(data))


def calls_of(work: Callable[[], object]) -> int:
    count = 0

    def counted(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("make", GRAPHS)
def test_twice_the_nodes_are_twice_the_calls(make: Callable[[int, Tensors], Nodes]) -> None:
    loading(make, 60)()  # imports
    few, many = (calls_of(loading(make, count)) for count in (300, 600))
    assert few > 3000
    assert many < 2.1 * few


@pytest.mark.parametrize("make", GRAPHS)
def test_eight_times_the_nodes_take_about_eight_times_as_long(make: Callable[[int, Tensors], Nodes]) -> None:
    """Of two measurements the lesser each; quadratic would be 64 times as long."""
    times = []
    for count in (500, 4000):
        load = loading(make, count)
        taken = []
        for _ in range(2):
            start = time.process_time()
            load()
            taken.append(time.process_time() - start)
        times.append(min(taken))
    assert times[1] < 24 * times[0]
