"""Our graph as an ONNX model, the way a user of ONNX Runtime would run it: lookup layers as the dense ones they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lcnn_engine.interop import onnx as interop_onnx
from lcnn_engine.interop.dense import dense_equivalent
from lcnn_engine.model import graph as g


def onnx_model(graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str = 1) -> bytes:
    """Return ``graph`` as a serialized ONNX model for ``batch`` images (a name leaves that open).

    One input, the graph's, float32 (batch, H, W, C); one output named ``output``, (batch, *output shape).
    """
    return interop_onnx.onnx_model(*dense_equivalent(graph, tensors), batch)
