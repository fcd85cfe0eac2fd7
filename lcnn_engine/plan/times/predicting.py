"""The seconds of every step of a plan, predicted from its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import NamedTuple

from ...kernels import Capabilities
from ..arena import lifetimes_of, place
from ..calls import KernelCall
from ..fields import Dense, DenseInt8, Nonzeros, NonzerosInt8, ToNhwc
from ..lowering import Lowered
from ..packing import Constant, Packing, is_fp16
from .amounts import CHEAP, MULTIPLYING, WORD, Amounts, Surroundings
from .machines import Times
from .moving import MOVING, values_of

__all__ = ["CalledAmounts", "amounts_of", "predicted_steps", "resident_bytes"]

HALVED = ("relu", "relu6")
"""Activations that are taken to leave half of all values: which inputs of a dense layer are 0 nobody knows before."""

BYTES = {
    Packing.DENSE_BF16: 2, Packing.DENSE_INT8: 1, Packing.PANELS: 2, Packing.CONV_PAIRS: 2,
    Packing.CONV_COLUMN_PAIRS: 2, Packing.CONV_QUADS: 1,
}  # fmt: skip
"""Of a number, where it is packed to less than a float."""


class CalledAmounts(NamedTuple):
    """A call and what it consists of; ``activated``: values of a result with an activation that takes time."""

    call: KernelCall
    amounts: Amounts
    activation: str
    activated: float


def predicted_steps(
    lowered: Lowered,
    able: Capabilities,
    times: Times,
    *,
    resident: float | None = None,
    halves: set[int] | None = None,
) -> list[float]:
    """Predict the seconds of every step, on one core, by the ``times`` of a class of machine.

    ``resident``, ``halves``: as of :func:`amounts_of`.
    """
    seconds = [0.0] * len(lowered.steps)
    for one in amounts_of(lowered, able, times.near, times.shared, resident=resident, halves=halves):
        seconds[one.call.step] += 1e-9 * _nanoseconds(one, times)
    return seconds


def amounts_of(
    lowered: Lowered,
    able: Capabilities,
    near: int,
    shared: int,
    *,
    resident: float | None = None,
    nonzero: float | None = None,
    halves: set[int] | None = None,
) -> Iterator[CalledAmounts]:
    """Give what every call consists of, on a machine with caches of ``near`` and ``shared`` bytes.

    ``resident``: bytes that are gone through between two runs of a call, where they are not the program's own;
    ``nonzero``: share of the inputs of dense layers that is not 0, where it is known. ``halves``: the constants that
    are kept as float16, where that is known or does not matter: to find out takes milliseconds.
    """
    halves = halves_of(lowered) if halves is None else halves
    if resident is None:
        resident = resident_bytes(lowered, halves)
    around = Surroundings(able, near, shared, resident)
    shares: dict[int, float] = {}
    for call in lowered.calls:
        own = around
        if isinstance(call.fields, Dense | DenseInt8):
            share = shares.get(call.fields.list.buffer, 1.0) if nonzero is None else nonzero
            own = around._replace(fp16=call.fields.weights.number in halves, nonzero=share)
        amounts = own.common(call) | (MULTIPLYING.get(call.kernel) or MOVING[call.kernel])(call, own)
        activation = getattr(call.fields, "activation", "linear")
        costly = activation not in CHEAP
        yield CalledAmounts(call, amounts, activation, float(values_of_result(call)) if costly else 0.0)
        shares.update(_share(call, shares))


def values_of_result(call: KernelCall) -> int:
    """Count the values that a call's activation is taken of."""
    return call.fields.units if isinstance(call.fields, Dense | DenseInt8) else values_of(call.output)


def _nanoseconds(one: CalledAmounts, times: Times) -> float:
    each = times.kernels[one.call.kernel]
    total = sum(each.get(name, 0.0) * amount for name, amount in one.amounts.items())
    return total + times.activations.get(one.activation, 0.0) * one.activated


def _share(call: KernelCall, shares: Mapping[int, float]) -> dict[int, float]:
    """Tell of the buffer that a call writes what share of it is not 0."""
    source = call.inputs[0] if call.inputs else None
    before = shares.get(source.offset.buffer, 1.0) if source is not None else 1.0
    target = _target(call)
    if target is None:
        return {}
    activation = getattr(call.fields, "activation", None)
    if activation in HALVED:
        return {target: 0.5}
    if call.kernel == "max_pool":
        return {target: 1.0 - (1.0 - before) ** prod(call.fields[:2])}  # type: ignore[arg-type]
    passes = call.kernel in ("nonzeros", "nonzeros_int8", "to_nhwc")
    return {target: before if passes else 1.0}


def _target(call: KernelCall) -> int | None:
    """Give the buffer that a call writes its result to."""
    if call.output is not None:
        return call.output.offset.buffer
    if isinstance(call.fields, Dense | DenseInt8 | ToNhwc) and call.fields.target is not None:
        return call.fields.target.buffer
    return call.fields.list.buffer if isinstance(call.fields, Nonzeros | NonzerosInt8) else None


def _is_fp16(constant: Constant) -> bool:
    return constant.packing is Packing.DENSE and is_fp16(constant.array)


def halves_of(lowered: Lowered) -> set[int]:
    """Number the constants that are kept as float16."""
    return {n for n, constant in enumerate(lowered.constants) if _is_fp16(constant)}


def resident_bytes(lowered: Lowered, halves: set[int] | None = None) -> float:
    """Count the bytes that a run goes through: all constants, those of ``halves`` as float16, and the arena."""
    halves = halves_of(lowered) if halves is None else halves
    total = 0.0
    for number, constant in enumerate(lowered.constants):
        size = 2 if number in halves else BYTES.get(constant.packing, WORD)
        total += size * constant.array.size
    arena = place(lowered.buffers, lifetimes_of(lowered.calls, len(lowered.buffers)))
    return total + WORD * arena.size
