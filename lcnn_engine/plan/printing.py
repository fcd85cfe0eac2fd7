"""A plan as text: every step with its calls, then buffers and constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arena import lifetimes_of
from .calls import ConstantRef, IsFp16, KernelCall, Map, Place

if TYPE_CHECKING:
    from . import Plan


def plan_text(plan: Plan) -> str:
    """Steps in order, under each its kernel calls; every buffer with its place; every constant with its shape."""
    lines = [
        f"plan of {plan.name!r} for {plan.variant}: {len(plan.steps)} steps, {len(plan.calls)} calls; activations "
        f"{plan.arena_bytes:,} bytes, constants {sum(constant.array.nbytes for constant in plan.constants):,} bytes",
    ]
    calls: dict[int, list[KernelCall]] = {}
    for call in plan.calls:
        calls.setdefault(call.step, []).append(call)
    for number, step in enumerate(plan.steps):
        work = f", {step.multiplications:,} multiplications" if step.multiplications else ""
        lines.append(f"step {number}: {step.name}, {step.op}: {step.kernel}{work}")
        lines += [f"    {_call(call)}" for call in calls.get(number, ())]
    return "\n".join([*lines, *_buffers(plan), *_constants(plan)])


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


def _buffers(plan: Plan) -> list[str]:
    lines = ["buffers, in floats:"]
    lifetimes = lifetimes_of(plan.calls, len(plan.buffers))
    for number, (buffer, offset, life) in enumerate(zip(plan.buffers, plan.arena.offsets, lifetimes, strict=True)):
        lines.append(f"    b{number}: {buffer.size:,} at {offset:,}, calls {life.first} to {life.last}")
    return lines


def _constants(plan: Plan) -> list[str]:
    lines = ["constants:"]
    for number, constant in enumerate(plan.constants):
        array = constant.array
        lines.append(f"    c{number}: {constant.name}, {array.dtype} {array.shape}, {array.nbytes:,} bytes")
    return lines
