"""What the calls that mostly move values consist of: values, rows, and bytes that leave the second-level cache."""

from __future__ import annotations

from collections.abc import Callable

from ...kernels import CONSTANTS
from ..calls import KernelCall
from ..fields import Gather, Interpolate, Lrn, Pool, SpaceToDepth
from ..layout import LINE, round_up
from ..references import INPUT, Map
from .amounts import WORD, Amounts, Surroundings

HALO = CONSTANTS["HALO"]  # columns of a window that stride 1 takes in registers, at most
MOST_TOGETHER = 64  # values of a column that are split off together


def values_of(map_: Map | None) -> int:
    """Count the values of a map."""
    return 0 if map_ is None else map_.channels * map_.height * map_.width


def _spilled(call: KernelCall, around: Surroundings) -> Amounts:
    moved = sum(values_of(map_) for map_ in (*call.inputs, call.output))
    return around.values(WORD * (moved or 2 * call.work))


def space_to_depth(call: KernelCall, around: Surroundings) -> Amounts:
    """Planes of a source: all values of a column together where they lie side by side, else each by its stride."""
    u = call.fields
    assert isinstance(u, SpaceToDepth)
    group, apart = u.stride_w * u.channels, u.stride_w * u.x_stride
    far = around.weights(WORD * u.channels * u.height * u.width) if u.source == INPUT else {}
    phases = -(-u.phases // u.stride_w)  # those of a row
    if u.channel_stride == 1 and u.x_stride == u.channels and 1 < group <= MOST_TOGETHER:
        columns = round_up(u.columns, around.able.width)
        return {"together": float(u.rows * phases * columns * group), "row together": float(u.rows * u.phases), **far}
    kind = "by one" if apart == 1 else "by two" if apart == 2 else "by few" if apart <= LINE else "by many"
    rows = u.channels * u.phases * u.rows
    return {f"value {kind}": float(rows * u.columns), "row": float(rows), **far, **_spilled(call, around)}


def values(call: KernelCall, around: Surroundings) -> Amounts:
    """Count what is moved, value by value."""
    maps = [map_ for map_ in (*call.inputs, call.output) if map_ is not None]
    found = {"value": float(call.work), **_spilled(call, around)}
    if not maps or maps[0].plane == 1:
        return found
    map_, width = maps[0], around.able.width
    rows, pixels = map_.channels * map_.height, map_.height * map_.width
    return {**found, "row": float(rows), "vector": float(rows * -(-map_.width // width)), "pixel": float(pixels)}


def to_nhwc(call: KernelCall, around: Surroundings) -> Amounts:
    """Values of planes put channel by channel; those of a vector are copied."""
    source = call.inputs[0]
    kind = "copied" if source.plane == 1 else "value"
    return {kind: float(call.work), "row": float(source.height), **_spilled(call, around)}


def pool(call: KernelCall, around: Surroundings) -> Amounts:
    """Windows of a pool: those of strides 1 and 2 in registers, the others column by column."""
    u, out = call.fields, call.output
    assert isinstance(u, Pool)
    assert out is not None
    rows, vectors = out.channels * out.height, -(-out.width // around.able.width)
    loads = float(rows * u.kernel_h * vectors)
    found = {"row": float(rows), "vector": float(rows * vectors), **_spilled(call, around)}
    if u.stride_w == 2 and u.kernel_w in (2, 3):
        return {f"{u.kernel_w} by two": loads, **found}
    if u.stride_w == 1 and u.kernel_w <= HALO:
        return {"three by one": loads, **found} if u.kernel_w == 3 else {"by one": loads * u.kernel_w, **found}
    columns = rows * u.kernel_h * -(-call.inputs[0].width // around.able.width)
    return {"columns": float(columns), "window": float(values_of(out) * u.kernel_w), **found}


def lrn(call: KernelCall, around: Surroundings) -> Amounts:
    """Sums over channels, and a power of each."""
    u = call.fields
    assert isinstance(u, Lrn)
    return {"sum": float(call.work), "value": call.work / (2 * u.radius + 1), **_spilled(call, around)}


def gather(call: KernelCall, around: Surroundings) -> Amounts:
    """Values by a table: a run of columns at once, the others one by one."""
    u, out = call.fields, call.output
    assert isinstance(u, Gather)
    assert out is not None
    rows = out.channels * out.height
    kind = "run" if u.stride == 1 else "strided run"
    run = max(0, u.run)
    return {kind: float(rows * run), "one": float(rows * (out.width - run)), "row": float(rows)}


def interpolate(call: KernelCall, around: Surroundings) -> Amounts:
    """Rows first, then columns, of ``taps`` each."""
    u, out = call.fields, call.output
    assert isinstance(u, Interpolate)
    assert out is not None
    rows = out.channels * out.height
    return {
        "row value": float(rows * call.inputs[0].width * u.taps),
        "column value": float(rows * out.width * u.taps),
        "row": float(rows),
    }


MOVING: dict[str, Callable[[KernelCall, Surroundings], Amounts]] = {
    "space_to_depth": space_to_depth,
    "to_nhwc": to_nhwc,
    "max_pool": pool,
    "avg_pool": pool,
    "lrn": lrn,
    "gather": gather,
    "interpolate": interpolate,
    **dict.fromkeys(
        (
            "pack_pairs", "ranges", "pack_quads", "nonzeros", "nonzeros_int8", "global_max", "global_avg", "pointwise",
            "add", "multiply", "subtract", "subtract_from", "divide", "divide_into", "maximum", "minimum", "prelu",
            "constant", "layer_norm", "group_norm", "channel_max", "channel_mean", "softmax", "log_softmax",
        ),
        values,
    ),
}  # fmt: skip
