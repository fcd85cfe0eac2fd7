"""What goes on inside a network for one image: the milliseconds of each node, and activations as small PNGs.

Bounded in work and in bytes, whatever the network: at most ``LAYERS`` activations of at most ``VALUES`` values each,
drawn in at most ``CHANNELS`` tiles of ``EDGE`` x ``EDGE`` pixels, and runs for the timeline that together take about
``SECONDS``, or the least that a profile needs: five runs of the network in all.
"""

from __future__ import annotations

import base64
import io
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..analysis.timeline import category_of
from ..images.preprocessing import as_batch
from ..model.graph import Graph, elements
from ..net import Net

__all__ = ["details"]

LAYERS = 8
VALUES = 2**21  # of an activation, 8 MiB: first maps of networks for large images have more, and are left out
FEWEST = 16  # values that are worth a picture; the bars show the classes
CHANNELS = 24  # tiles of a map
COLUMNS = 8  # tiles side by side
EDGE = 32  # pixels of a tile; larger maps are averaged over squares
SEEN_EDGE = 128  # pixels of what the network sees
SECONDS = 0.02  # that runs for the timeline may take together
RUNS = 9  # at most

# The least activation, the greatest, and two between: dark to bright, for eyes of any kind, on any ground.
RAMP = ((13, 22, 45), (0, 102, 173), (86, 190, 205), (250, 245, 214))


def details(net: Net, image: Any) -> dict[str, Any]:
    """Give ``seen``, ``timeline`` and ``activations`` of one ``image``, whatever :meth:`Net.predict` takes; of a batch
    the first. All of it can be written as JSON; images are PNG files in base64.

    ``seen``: what the network's input looks like (None where it has neither 1 nor 3 channels). ``timeline``: the
    ``variant`` and ``precision`` of the kernels, ``threads``, ``runs``, and ``nodes`` in the order in which they run,
    each with its ``node``, ``operation``, ``milliseconds``, the median of the runs, and its ``steps``.
    ``activations``: of layers with weights, from the first to the last.

    Raises InputError for what does not fit, FileNotFoundError.
    """
    batch, _ = as_batch(image, net.input_shape, net.graph.preprocessing)
    x = batch[0]
    timeline = _timeline(net, x)  # refuses numbers that are not finite
    return {"seen": _seen(x), "timeline": timeline, "activations": _activations(net, x)}


# --------------------------------------------------------------------------------------------------- timeline


def _timeline(net: Net, x: np.ndarray) -> dict[str, Any]:
    start = time.perf_counter()
    net.run(x)
    taken = time.perf_counter() - start
    profile = net.profile(x, runs=max(1, min(RUNS, int(SECONDS / max(taken, 1e-9)))))
    nodes: dict[str, dict[str, Any]] = {}
    for step in profile.steps:
        node = net.graph.by_name.get(step.name)
        operation = "input" if node is None else node.op
        new = {"node": step.name, "operation": operation, "milliseconds": 0.0, "steps": []}
        row = nodes.setdefault(step.name, new)
        row["milliseconds"] += 1e3 * step.seconds
        category = category_of(step, profile.lookup_layers)
        row["steps"].append({"kernel": step.kernel, "category": category, "milliseconds": 1e3 * step.seconds})
    return {
        "variant": profile.variant,
        "precision": profile.precision,
        "threads": profile.threads,
        "runs": profile.runs,
        "nodes": list(nodes.values()),
    }


# ------------------------------------------------------------------------------------------------ activations


def _activations(net: Net, x: np.ndarray) -> list[dict[str, Any]]:
    names = shown_layers(net.graph)
    found = net.features(x, names) if names else {}
    return [_activation(net.graph, name, found[name]) for name in names]


def shown_layers(graph: Graph) -> list[str]:
    """Choose the layers whose activations are shown: of those with weights, some at even distances."""
    names = [
        node.name
        for node in graph.nodes
        if graph.tensor_specs(node) and FEWEST <= elements(graph.shapes[node.name]) <= VALUES
    ]
    count = min(LAYERS, len(names))
    return [names[round(i * (len(names) - 1) / max(count - 1, 1))] for i in range(count)]


def _activation(graph: Graph, name: str, values: np.ndarray) -> dict[str, Any]:
    """Describe and draw one activation, float32 (H, W, C) or (C,)."""
    values = np.nan_to_num(values.astype(np.float64))  # a network may overflow
    is_map = values.ndim == 3 and values.shape[0] * values.shape[1] > 1
    found = {"node": name, "operation": graph[name].op, "shape": list(values.shape)}
    if not is_map:
        flat = values.reshape(-1)
        return {**found, "zeros": int((flat == 0).sum()), "channels": None, "constant": None, **_drawn(_block(flat))}
    spread = values.max(axis=(0, 1)) - values.min(axis=(0, 1))
    channels = np.sort(np.argsort(-spread, kind="stable")[:CHANNELS])
    tiles = [_averaged(values[:, :, channel]) for channel in channels]
    return {
        **found,
        "zeros": int((values == 0).sum()),
        "channels": channels.tolist(),
        "constant": int((spread == 0).sum()),
        **_drawn(_mosaic(tiles)),
    }


def _averaged(tile: np.ndarray, edge: int = EDGE) -> np.ndarray:
    """Average (h, w) over squares, those at the lower and right borders perhaps cut, so that ``edge`` holds it."""
    factor = math.ceil(max(tile.shape) / edge)
    if factor == 1:
        return tile
    for axis, size in enumerate(tile.shape):
        starts = np.arange(0, size, factor)
        counts = np.diff([*starts, size])
        sums = np.add.reduceat(tile, starts, axis=axis)
        tile = sums / (counts[:, None] if axis == 0 else counts)
    return tile


def _block(values: np.ndarray) -> np.ndarray:
    """Lay a vector out in rows, as wide in proportion as a mosaic; NaN where it has no value."""
    width = math.ceil(math.sqrt(len(values) * COLUMNS * COLUMNS / CHANNELS))
    block = np.full((math.ceil(len(values) / width), width), np.nan)
    block.reshape(-1)[: len(values)] = values
    if width <= COLUMNS * EDGE:
        return block
    block.reshape(-1)[len(values) :] = values.min()
    return _averaged(block, COLUMNS * EDGE)


def _mosaic(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Set tiles (h, w) side by side, a pixel of NaN between them."""
    height, width = tiles[0].shape
    columns = min(COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    whole = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        whole[top : top + height, left : left + width] = tile
    return whole


# ------------------------------------------------------------------------------------------------------- PNGs


def _palette(transparent: int = 1) -> Iterator[int]:
    """Give the bytes of 256 colours: the first ones for nothing, then the ramp."""
    positions = np.linspace(0, len(RAMP) - 1, 256 - transparent)
    colours = np.stack([np.interp(positions, range(len(RAMP)), band) for band in zip(*RAMP, strict=True)], axis=1)
    yield from (0, 0, 0) * transparent
    yield from np.rint(colours).astype(int).reshape(-1).tolist()


def _drawn(values: np.ndarray) -> dict[str, Any]:
    """Draw (h, w), NaN as nothing: its size, the least and the greatest value, and a PNG."""
    from PIL import Image

    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    half = max(high / 2 - low / 2, np.finfo(np.float64).tiny)  # halves: a difference may be more than a float holds
    shades = np.rint(1 + 254 * ((values / 2 - low / 2) / half))
    image = Image.fromarray(np.where(np.isnan(shades), 0, np.clip(shades, 1, 255)).astype(np.uint8))
    image.putpalette(list(_palette()))
    return {"width": image.width, "height": image.height, "least": low, "greatest": high, "png": _png(image, 0)}


def _seen(x: np.ndarray) -> str | None:
    """Draw the input, float32 (H, W, C), between its least and its greatest value."""
    from PIL import Image

    if x.shape[2] not in (1, 3):
        return None
    low, high = float(x.min()), float(x.max())
    greys = np.rint(255 * (x - low) / (high - low or 1.0)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(greys[:, :, 0] if x.shape[2] == 1 else greys)
    image.thumbnail((SEEN_EDGE, SEEN_EDGE))
    return _png(image)


def _png(image: Any, transparent: int | None = None) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG", **({} if transparent is None else {"transparency": transparent}))
    return base64.b64encode(stream.getvalue()).decode("ascii")
