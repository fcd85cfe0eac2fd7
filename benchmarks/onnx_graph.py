"""Our graph as an ONNX model, the way a user of ONNX Runtime would run it: lookup layers as the dense ones they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lcnn_engine.interop import onnx as onnx_twin
from lcnn_engine.model import graph as g

from .twins import as_dense


def onnx_model(graph: g.Graph, tensors: Mapping[str, np.ndarray], batch: int | str = 1) -> bytes:
    """``graph`` as a serialized ONNX model for ``batch`` pictures (a name leaves that open).

    One input, the graph's, float32 (batch, H, W, C); one output named ``output``, (batch, *output shape).
    """
    return onnx_twin.onnx_model(*as_dense(graph, tensors), batch)
