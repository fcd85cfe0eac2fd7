"""A figure of what a layer that reads colours or greys has learned: its dictionary, and the kernels made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lcnn_engine.interop.dense import dense_kernel
from lcnn_engine.model.graph import Conv2D, Graph, LookupConv2D
from lcnn_engine.utils.drawing import Drawing
from lcnn_train.errors import ExportError

_MARGIN, _GAP = 24, 8
_COLUMNS = 16  # kernels in a row
_KERNEL = 56  # about as wide as a kernel is drawn
_ATOM = 40
_COLLINEAR = 1e-6  # 1 - |cosine| of two atoms; those that were trained apart are farther apart
_INK, _FAINT, _FRAME, _ZERO = "#222222", "#777777", "#505050", "#808080"


def draw_dictionary(graph: Graph, tensors: Mapping[str, np.ndarray], layer: str | None = None) -> Drawing:
    """Draw a convolution that reads 1 or 3 channels; the first lookup convolution, or the first one, if not named.

    Atoms are shown as the colours that they weigh; each kernel W = sum of C * D[I] is scaled by its largest weight,
    grey being 0. Raises ExportError if there is no such layer.
    """
    node = _chosen(graph, layer)
    channels = graph.shapes[node.inputs[0]][-1]
    if channels not in (1, 3):
        raise ExportError(f"layer {node.name}: expected 1 or 3 input channels, as an image has; found {channels}")
    drawing = Drawing(2 * _MARGIN + _COLUMNS * (_KERNEL + _GAP) - _GAP)
    drawing.text((_MARGIN, 38), f"{graph.name}, {node.name}", 18, _INK)
    y = _draw_atoms(drawing, node, tensors, 74)
    kernels = _kernels(node, tensors, channels)
    kh, kw = node.kernel_size
    drawing.text((_MARGIN, y), f"W, {len(kernels)} filters of {kh} x {kw}{_lookups(node, tensors)}", 14, _INK)
    drawing.text((_MARGIN, y + 18), "Each is scaled by its largest weight. The grey around is 0.", 12, _FAINT)
    _draw_kernels(drawing, kernels, y + 34)
    return drawing


def _chosen(graph: Graph, layer: str | None) -> Conv2D | LookupConv2D:
    if layer is not None and layer not in graph.by_name:
        raise ExportError(f"layer {layer}: expected one of {', '.join(graph.by_name)}; found none of that name")
    nodes: Sequence[object] = graph.nodes if layer is None else [graph[layer]]
    for kind in (LookupConv2D, Conv2D):
        for node in nodes:
            if isinstance(node, kind):
                return node
    found = "no convolution" if layer is None else f"{layer}, which is none"
    raise ExportError(f"{graph.name}: expected a convolution to draw; found {found}")


def _kernels(node: Conv2D | LookupConv2D, tensors: Mapping[str, np.ndarray], channels: int) -> np.ndarray:
    """W (n, m, kh, kw), each filter scaled to [-1, 1]."""
    is_lookup = isinstance(node, LookupConv2D)
    kernel = dense_kernel(node, tensors, channels) if is_lookup else tensors[f"{node.name}/kernel"].astype(np.float32)
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    return np.divide(kernel, largest, out=np.zeros_like(kernel), where=largest > 0)


def _lookups(node: Conv2D | LookupConv2D, tensors: Mapping[str, np.ndarray]) -> str:
    indptr = tensors.get(f"{node.name}/indptr")
    if indptr is None:
        return ""
    idle = np.count_nonzero(np.diff(indptr) == 0)
    return f", {indptr[-1]:,} lookups" + f", {idle} filters without one" * bool(idle)


def _draw_atoms(drawing: Drawing, node: Conv2D | LookupConv2D, tensors: Mapping[str, np.ndarray], y: int) -> int:
    """Draw D (k, m) with its weights; the baseline of what comes next."""
    dictionary = tensors.get(f"{node.name}/dictionary")
    if dictionary is None:
        return y
    k, channels = dictionary.shape
    lines = _directions(dictionary)
    collinear = "" if lines == k else f", some multiples of others: {lines} would do"
    drawing.text((_MARGIN, y), f"D, k = {k} atoms of {channels} channel{'s' * (channels > 1)}{collinear}", 14, _INK)
    values = dictionary.astype(np.float32)
    values = values / (np.abs(values).max() or 1)
    step, height = _KERNEL + _GAP, _ATOM + 14 * channels + 2 * _GAP
    for number, (atom, scaled) in enumerate(zip(dictionary, values, strict=True)):
        row, column = divmod(number, _COLUMNS)
        left, top = _MARGIN + column * step, y + 14 + row * height
        _framed(drawing, left, top, _KERNEL, _ATOM, _colour(scaled))
        for channel, weight in enumerate(atom):
            at = (left + _KERNEL / 2, top + _ATOM + 14 * (channel + 1))
            drawing.text(at, f"{weight:+.3f}", 11, _FAINT, "middle")
    return y + 14 + -(-k // _COLUMNS) * height + 24


def _directions(dictionary: np.ndarray) -> int:
    """Count the atoms (k, m) of which none is a multiple of another, to a rounding; an atom of zeros is of any."""
    atoms = dictionary.astype(np.float64)
    lengths = np.linalg.norm(atoms, axis=1)
    kept: list[np.ndarray] = []
    for atom in atoms[lengths > 0] / lengths[lengths > 0, None]:
        if all(abs(atom @ other) < 1 - _COLLINEAR for other in kept):
            kept.append(atom)
    return len(kept)


def _draw_kernels(drawing: Drawing, kernels: np.ndarray, y: int) -> None:
    kh, kw = kernels.shape[2:]
    tap = max(1, _KERNEL // max(kh, kw))
    for number, kernel in enumerate(kernels):
        row, column = divmod(number, _COLUMNS)
        left, top = _MARGIN + column * (_KERNEL + _GAP), y + row * (tap * kh + _GAP)
        _framed(drawing, left, top, tap * kw, tap * kh, _ZERO)
        for r, c in np.argwhere(kernel.any(axis=0)):
            x0, y0 = left + tap * c, top + tap * r
            drawing.rectangle(x0, y0, x0 + tap, y0 + tap, _colour(kernel[:, r, c]))


def _framed(drawing: Drawing, left: float, top: float, width: float, height: float, fill: str) -> None:
    """A rectangle with a thin frame: white is a colour like others."""
    drawing.rectangle(left - 1, top - 1, left + width + 1, top + height + 1, _FRAME)
    drawing.rectangle(left, top, left + width, top + height, fill)


def _colour(weights: np.ndarray) -> str:
    """Weights in [-1, 1] of red, green and blue, or of grey alone, as a colour: 0 is the middle."""
    levels = np.rint(127.5 * (1 + np.clip(weights, -1, 1))).astype(int)
    return "#" + "".join(f"{level:02x}" for level in np.resize(levels, 3))
