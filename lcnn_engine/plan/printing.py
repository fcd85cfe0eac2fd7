"""A plan as text: every step with its calls, then buffers and constants."""

from __future__ import annotations

from collections.abc import Sequence

from .arena import Arena, Buffer, lifetimes_of
from .calls import KernelCall, Step
from .packing import PackedConstant
from .references import ConstantRef, IsFp16, Map, Place

__all__ = ["plan_text"]


def plan_text(
    title: str,
    steps: Sequence[Step],
    calls: Sequence[KernelCall],
    buffers: Sequence[Buffer],
    arena: Arena,
    constants: Sequence[PackedConstant],
) -> str:
    """Write steps in order, under each its kernel calls; every buffer with its place; every constant with its shape."""
    held = sum(constant.array.nbytes for constant in constants)
    lines = [f"{title}: {len(steps)} steps, {len(calls)} calls"]
    lines.append(f"activations {4 * arena.size:,} bytes, constants {held:,} bytes")
    of_step: dict[int, list[KernelCall]] = {}
    for call in calls:
        of_step.setdefault(call.step, []).append(call)
    for number, step in enumerate(steps):
        work = f", {step.multiplications:,} multiplications" if step.multiplications else ""
        lines.append(f"step {number}: {step.name}, {step.op}: {step.kernel}{work}")
        lines += [f"    {_call(call)}" for call in of_step.get(number, ())]
    return "\n".join([*lines, *_buffers(calls, buffers, arena), *_constants(constants)])


def _call(call: KernelCall) -> str:
    maps = [_map(map_) for map_ in call.inputs]
    flow = ", ".join(maps) + (f" -> {_map(call.output)}" if call.output else "")
    fields = zip(call.fields._fields, call.fields, strict=True)
    told = " ".join(f"{name}={_value(value)}" for name, value in fields if value is not None)
    return " | ".join(part for part in (call.kernel, flow, told, f"{call.units} units") if part)


def _map(map_: Map) -> str:
    border = (map_.top, map_.bottom, map_.left, map_.right)
    text = f"{map_.height}x{map_.width}x{map_.channels} at {_value(map_.offset)}"
    return f"{text}, border {border}" if any(border) else text


def _value(value: object) -> str:
    if isinstance(value, Place):
        if value.buffer < 0:
            return "the input"
        return f"b{value.buffer}+{value.offset}" if value.offset else f"b{value.buffer}"
    if isinstance(value, ConstantRef):
        return f"c{value.number}"
    if isinstance(value, IsFp16):
        return f"c{value.number} is float16"
    return str(value)


def _buffers(calls: Sequence[KernelCall], buffers: Sequence[Buffer], arena: Arena) -> list[str]:
    lines = ["buffers, in floats:"]
    lifetimes = lifetimes_of(calls, len(buffers))
    for number, (buffer, offset, life) in enumerate(zip(buffers, arena.offsets, lifetimes, strict=True)):
        lines.append(f"    b{number}: {buffer.size:,} at {offset:,}, calls {life.first} to {life.last}")
    return lines


def _constants(constants: Sequence[PackedConstant]) -> list[str]:
    lines = ["constants:"]
    for number, constant in enumerate(constants):
        array = constant.array
        lines.append(f"    c{number}: {constant.name}, {array.dtype} {array.shape}, {array.nbytes:,} bytes")
    return lines
