"""Where a layer that is mostly zeros becomes lookups: by its kind and how many results it has of each filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from lcnn_engine import Net, from_onnx
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node, run_onnx


def pruned(shape: tuple[int, ...], density: float) -> np.ndarray:
    rng = seeded("pruned", density)
    kernel = rng.standard_normal(shape, dtype=np.float32).reshape(-1)
    kernel[rng.permutation(kernel.size)[round(density * kernel.size) :]] = 0
    return kernel.reshape(shape)


@pytest.mark.parametrize(("size", "attributes", "most"), [
    (12, {"pads": [1, 1, 1, 1]}, 0.625), (12, {"pads": [1, 1, 1, 1], "strides": [2, 2]}, 0.4),
    (7, {"pads": [1, 1, 1, 1]}, 0.4), (3, {}, 0.2),
])  # fmt: skip
@pytest.mark.parametrize("off", [-0.01, 0.01])
def test_of_a_convolution(size: int, attributes: dict[str, Any], most: float, off: float) -> None:
    data = model_of(
        [node("Conv", ["x", "w"], **attributes)], {"w": pruned((8, 16, 3, 3), most + off)}, (1, 16, size, size)
    )
    check(data, "lookup_conv2d" if off < 0 else "conv2d")


@pytest.mark.parametrize("off", [-0.01, 0.01])
def test_of_a_fully_connected_layer(off: float) -> None:
    nodes = [node("Flatten", outputs=["a"]), node("Gemm", ["a", "w"])]
    check(model_of(nodes, {"w": pruned((144, 10), 0.2 + off)}, (1, 16, 3, 3)), "lookup_dense" if off < 0 else "dense")


def check(data: bytes, expected: str) -> None:
    graph, tensors = from_onnx(data)
    assert [each.op for each in graph.nodes if each.op != "flatten"] == [expected]
    x = seeded("sparsity").standard_normal(graph.input.shape, dtype=np.float32)
    found = run_onnx(data, x.transpose(2, 0, 1)[None])[0]
    found = found.transpose(1, 2, 0) if found.ndim == 3 else found
    np.testing.assert_allclose(Net(graph, tensors).run(x).reshape(-1), found.reshape(-1), rtol=1e-4, atol=1e-5)
