"""Operators that move numbers or look at them in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..building import RefusedError
from ..calls import Translating, one_axis
from ..constants import slices, split_sizes, target_shape
from ..layout import Value, image, laid_out, order_of, order_with_last, reshaped
from .registry import translates

__all__: list[str] = []


@translates("Reshape")
def _reshape(call: Translating) -> Value:
    asked = call.numbers(1, "shape")
    if asked is None:
        raise RefusedError("expected a shape, found none")
    value = call.value()
    return _viewed(call, target_shape(asked, value.dims, bool(call.integer("allowzero", 0)), call.batch))


@translates("Flatten")
def _flatten(call: Translating) -> Value:
    dims = call.value().dims
    axis = call.integer("axis", 1)
    axis = axis + len(dims) if axis < 0 else axis
    return _viewed(call, [math.prod(dims[:axis]), math.prod(dims[axis:])])


@translates("Squeeze")
def _squeeze(call: Translating) -> Value:
    dims = call.value().dims
    axes = call.axes(1, len(dims))
    axes = [axis for axis, size in enumerate(dims) if size == 1] if axes is None else axes
    if any(dims[axis] != 1 for axis in axes):
        raise RefusedError(f"expected axes of 1 to squeeze, found {axes} of {dims}")
    return _viewed(call, [size for axis, size in enumerate(dims) if axis not in axes])


@translates("Unsqueeze")
def _unsqueeze(call: Translating) -> Value:
    value = call.value()
    asked = call.numbers(1, "axes") or []
    rank = len(value.dims) + len(asked)
    axes = {one_axis(axis, rank) for axis in asked}
    left = iter(value.dims)
    return _viewed(call, [1 if axis in axes else next(left) for axis in range(rank)])


def _viewed(call: Translating, dims: Sequence[int]) -> Value:
    """View a value in another shape of as many numbers; put them in order before, where it takes that."""
    value = call.value()
    axes = reshaped(value.axes, dims)
    if axes is None:
        every = [list(range(len(value.dims)))]
        node = call.builder.arranged(value, every, call.name)
        value = laid_out(node, every, value.dims)
        axes = reshaped(value.axes, dims)
        assert axes is not None  # one factor can be split into any sizes
    if len(value.shape) == 3 and max(dims, default=1) == value.size:
        return Value(call.add("flatten", value.node), (value.size,), axes)  # which numbers are where stays as it is
    return Value(value.node, value.shape, axes)


@translates("Transpose")
def _transpose(call: Translating) -> Value:
    value = call.value()
    rank = len(value.axes)
    perm = call.integers("perm", list(range(rank))[::-1], rank)
    if sorted(perm) != list(range(rank)):
        raise RefusedError(f"expected a permutation of {rank} axes, found {perm}")
    return Value(value.node, value.shape, tuple(value.axes[axis] for axis in perm))


@translates("Expand", "Tile")
def _repeat(call: Translating) -> Value:
    value, asked = call.value(), call.numbers(1) or []
    if call.operator.type == "Tile":
        same = all(times == 1 for times in asked)
    else:
        same = len(asked) <= len(value.dims) and all(
            size in (1, own) for size, own in zip(reversed(asked), reversed(value.dims), strict=False)
        )
    if not same:
        raise RefusedError(f"expected a value of its own size, found {value.dims} repeated by {asked}")
    return value


@translates("Concat")
def _concat(call: Translating) -> Value:
    values = [found for found in call.inputs if isinstance(found, Value)]
    rank = len(values[0].dims)
    axis = call.axis("axis", rank)
    others = {found.dims[:axis] + found.dims[axis + 1 :] if isinstance(found, Value) else
              found.shape[:axis] + found.shape[axis + 1 :] for found in call.inputs if found is not None}  # fmt: skip
    if len(others) != 1 or any(found is None for found in call.inputs):
        raise RefusedError(f"expected values alike but for axis {axis}, found {sorted(others)}")
    order = order_with_last(values[0], [axis])
    nodes, size = [], 0
    for number, found in enumerate(call.inputs):
        if isinstance(found, Value):
            nodes.append(call.builder.arranged(found, order, f"{call.name}.{number}"))
            size += found.dims[axis]
        elif isinstance(found, np.ndarray):
            array = found.transpose([i for group in order for i in group] + _left_out(order, rank))
            shape = tuple(math.prod(found.shape[i] for i in group) for group in order)
            tensors = {"value": array.reshape(shape)}
            nodes.append(call.add("constant", part=f"constant{number}", tensors=tensors, shape=shape))
            size += found.shape[axis]
    node = call.add("concat", *nodes) if len(nodes) > 1 else nodes[0]
    return laid_out(node, order, [size if i == axis else n for i, n in enumerate(values[0].dims)])


def _left_out(order: Sequence[Sequence[int]], rank: int) -> list[int]:
    return sorted(set(range(rank)) - {axis for group in order for axis in group})


@translates("Split")
def _split(call: Translating) -> list[Value]:
    value = call.value()
    axis = call.axis("axis", len(value.dims), 0)
    ends = np.cumsum(split_sizes(call, value.dims[axis]))
    parts = zip([0, *ends], ends, strict=False)
    return [_taken(call, value, axis, np.arange(start, end), f"part{i}") for i, (start, end) in enumerate(parts)]


@translates("Slice")
def _slice(call: Translating) -> Value:
    value = call.value()
    for axis, piece in enumerate(slices(call, value.dims)):
        taken = range(*piece.indices(value.dims[axis]))
        if not taken:
            raise RefusedError(f"expected a slice of at least one of {value.dims[axis]} along axis {axis}, found none")
        if taken == range(value.dims[axis]):
            continue
        own = order_of(value)
        if own is not None and len(own) == 3 and [axis] in own[:2] and taken.step > 0:
            value = _cropped(call, value, own, axis, taken)
        else:
            value = _taken(call, value, axis, np.array(taken), f"slice{axis}")
    return value


def _cropped(call: Translating, value: Value, order: list[list[int]], axis: int, taken: range) -> Value:
    """Keep some rows or columns of a map; every nth by a pool of single pixels."""
    down = order[0] == [axis]
    before, after = taken[0], value.dims[axis] - 1 - taken[-1]
    cropping = (before, after, 0, 0) if down else (0, 0, before, after)
    node = call.add("crop2d", value.node, part=f"crop{axis}", cropping=cropping) if before or after else value.node
    if taken.step > 1:
        strides = (taken.step, 1) if down else (1, taken.step)
        node = call.add("max_pool2d", node, part=f"every{axis}", pool_size=(1, 1), strides=strides)
    return laid_out(node, order, [len(taken) if i == axis else size for i, size in enumerate(value.dims)])


def _taken(call: Translating, value: Value, axis: int, indices: np.ndarray, part: str) -> Value:
    """Take elements along an axis, which becomes the channels."""
    source, order = call.with_last(value, [axis])
    node = call.builder.take(f"{call.name}.{part}" if part else call.name, source, indices)
    return laid_out(node, order, [len(indices) if i == axis else size for i, size in enumerate(value.dims)])


@translates("Gather")
def _gather(call: Translating) -> Value:
    value, indices = call.value(), call.constant(1)
    axis = call.axis("axis", len(value.dims), 0)
    size = value.dims[axis]
    if indices.dtype.kind not in "iu" or indices.ndim > 1 or not indices.size:
        raise RefusedError(f"expected a list of whole numbers to gather, found {indices.dtype} of {indices.shape}")
    if indices.min() < -size or indices.max() >= size:
        raise RefusedError(f"expected indices of an axis of {size}, found {indices.min()} to {indices.max()}")
    places = indices.reshape(-1).astype(np.int64) % size
    found = value if places.tolist() == list(range(size)) else _taken(call, value, axis, places, "")
    if indices.ndim:
        return found
    return Value(found.node, found.shape, found.axes[:axis] + found.axes[axis + 1 :])


@translates("Pad")
def _pad(call: Translating) -> Value:
    value, rank = call.value(), len(call.value().dims)
    pads = call.numbers(1, "pads") or []
    axes = call.numbers(3) or list(range(rank))
    if len(pads) != 2 * len(axes):
        raise RefusedError(f"expected two pads for each axis, found {pads} for {axes}")
    number = call.scalar(2, "value") or 0.0
    order = order_of(value)
    order = order if order is not None and len(order) == 3 else [[2], [3], [1]]
    both = {one_axis(axis, rank): (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    wide = {axis: pair for axis, pair in both.items() if pair != (0, 0)}
    if any([axis] not in order[:2] for axis in wide) or rank != 4:
        raise RefusedError(f"expected pads of H and W alone, found {pads} for {value.dims}")
    node = call.builder.arranged(value, order, call.name)
    sides = tuple(n for group in order[:2] for n in (wide.get(group[0], (0, 0)) if group else (0, 0)))
    dims = [size + sum(wide.get(axis, (0, 0))) for axis, size in enumerate(value.dims)]
    if min(sides) < 0:
        node = call.add("crop2d", node, part="cropped", cropping=tuple(max(0, -n) for n in sides))
    sides = tuple(max(0, n) for n in sides)
    mode = call.text("mode", "constant")
    if mode not in ("constant", "reflect", "edge"):
        raise RefusedError(f"expected mode constant, reflect or edge, found {mode!r}")
    if mode == "constant" and not number:
        node = call.add("zero_pad2d", node, padding=sides) if any(sides) else node
    elif any(sides):
        node = call.add("pad2d", node, padding=sides, mode=mode, **({"value": number} if mode == "constant" else {}))
    return laid_out(node, order, dims)


@translates("DepthToSpace", "SpaceToDepth")
def _depth(call: Translating) -> Value:
    source, block = call.image(), call.integer("blocksize")
    channels = call.builder.shapes[source][-1]
    op = "depth_to_space" if call.operator.type == "DepthToSpace" else "space_to_depth"
    if op == "depth_to_space" and call.text("mode", "DCR") == "CRD":
        if block < 1 or channels % block**2:
            raise RefusedError(f"expected channels in {block} x {block} parts, found {channels}")
        indices = np.arange(channels).reshape(-1, block**2).T.reshape(-1)
        source = call.builder.take(f"{call.name}.ordered", source, indices)
    node = call.add(op, source, block_size=block)
    return image(node, call.builder.shapes[node])


COORDINATES = {"half_pixel": "half_pixel", "pytorch_half_pixel": "half_pixel", "align_corners": "align_corners",
               "asymmetric": "asymmetric"}  # fmt: skip
METHODS = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic", "bilinear": "bilinear"}


@translates("Resize", "Upsample")
def _resize(call: Translating) -> Value:
    shape = call.value().dims
    source = call.image()
    size = _size_of_resize(call, shape)
    method = METHODS.get(call.text("mode", "nearest"))
    modern = call.operator.type == "Resize" and call.opset >= 11
    mode = call.text("coordinate_transformation_mode", "half_pixel" if modern else "asymmetric")
    if method is None or mode not in COORDINATES:
        raise RefusedError(f"expected coordinates {', '.join(COORDINATES)}, found {mode!r}")
    if call.integer("antialias", 0) or call.integer("exclude_outside", 0):
        raise RefusedError("expected a resize without antialias and exclude_outside, found one with")
    if mode == "pytorch_half_pixel" and 1 in size:
        raise RefusedError("expected more than one row and column of pytorch_half_pixel, found one")
    fields = {"coordinates": COORDINATES[mode]}
    if method == "nearest":
        fields["rounding"] = call.text("nearest_mode", "round_prefer_floor") if modern else "floor"
    if method == "bicubic":
        node = call.add("resize2d", source, size=size, method=method,
                        cubic_coefficient=call.number("cubic_coeff_a", -0.75), **fields)  # fmt: skip
    else:
        node = call.add("resize2d", source, size=size, method=method, **fields)
    return image(node, call.builder.shapes[node])


def _size_of_resize(call: Translating, dims: Sequence[int]) -> tuple[int, int]:
    """Give height and width after a resize. Raises RefusedError where scales do not give them exactly."""
    modern = call.operator.type == "Resize" and call.opset >= 11
    sizes = call.numbers(3) if modern else None
    if sizes:
        if call.integers("axes", [0, 1, 2, 3]) != [0, 1, 2, 3]:
            sizes = _over_all(call, sizes, dims)
        if call.text("keep_aspect_ratio_policy", "stretch") != "stretch" or sizes[:2] != list(dims[:2]):
            raise RefusedError(f"expected new sizes of H and W alone, found {sizes} for {tuple(dims)}")
        return sizes[2], sizes[3]
    found = call.operator.attributes.get("scales", call.maybe(2 if modern else 1))
    scales = [float(scale) for scale in (() if found is None else found)]
    if call.has("axes"):
        axes = call.integers("axes")
        scales = [scales[axes.index(axis)] if axis in axes else 1.0 for axis in range(4)]
    if len(scales) != 4 or scales[:2] != [1.0, 1.0]:
        raise RefusedError(f"expected scales of H and W alone, found {scales}")
    exact = [size * scale for size, scale in zip(dims[2:], scales[2:], strict=True)]
    if any(abs(size - round(size)) > 1e-3 or round(size) < 1 for size in exact):
        raise RefusedError(f"expected scales that give whole sizes, found {exact}; give sizes instead")
    return round(exact[0]), round(exact[1])


def _over_all(call: Translating, sizes: Sequence[int], dims: Sequence[int]) -> list[int]:
    axes = [one_axis(axis, 4) for axis in call.integers("axes")]
    return [sizes[axes.index(axis)] if axis in axes else dims[axis] for axis in range(4)]
