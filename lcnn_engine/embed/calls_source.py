"""Calls as C: initialisers of the structs of ``kernels/csrc/calls.h``, which name every field.

The fields and their types come from ``kernels.LAYOUTS``, which C makes of the lists that its structs are made of.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import LAYOUTS
from ..plan.calls import KernelCall
from ..plan.fields import NoFields
from ..plan.references import ConstantRef, IsFp16, Map, Place
from .plans import EmbeddedPlan

_WRAPPER = textwrap.TextWrapper(
    120, initial_indent=" " * 5, subsequent_indent=" " * 9, break_long_words=False, break_on_hyphens=False
)


def calls_source(plan: EmbeddedPlan, constants: Sequence[int]) -> str:
    """Write the calls of ``plan``, an initialiser each; ``constants``: the offset of each constant in bytes."""
    writer = _Writer(plan, constants)
    lines, step = [], -1
    for call in plan.calls:
        if call.step != step:
            step = call.step
            lines.append(f"    /* {_comment(plan.steps[step].name)}: {_comment(plan.steps[step].op)} */")
        lines.append(writer.call(call))
    return "\n".join(lines)


def _wrapped(text: str) -> str:
    """Break lines between fields, never within one."""
    return _WRAPPER.fill(text.replace(" = ", "\0=\0")).replace("\0", " ")


def _comment(text: str) -> str:
    """Names of nodes come from anywhere: what cannot stand in a comment is left out."""
    return re.sub(r"[^ -~]|[*/\\?]", "_", text)


class _Writer:
    def __init__(self, plan: EmbeddedPlan, constants: Sequence[int]) -> None:
        self._plan = plan
        self._constants = constants

    def call(self, call: KernelCall) -> str:
        parts = [f".kernel = {call.kernel}, .units = {call.units}, .step = {call.step}, .work = {call.work}"]
        if call.inputs:
            parts.append(".in = {" + ", ".join(map(self._map, call.inputs)) + "}")
        if call.output is not None:
            parts.append(f".out = {self._map(call.output)}")
        if not isinstance(call.fields, NoFields):
            fields = zip(call.fields, LAYOUTS[call.kernel], strict=True)
            values = ", ".join(f".{name} = {self._value(value, type_)}" for value, (name, type_) in fields)
            parts.append(f".u.{_member(call.fields)} = {{{values}}}")
        lines = (_wrapped(part) for part in parts)
        return "    {" + ",\n".join(lines).lstrip() + "},"

    def _map(self, map_: Map) -> str:
        values = (f".{name} = {self._value(value, 'int')}" for name, value in zip(Map._fields, map_, strict=True))
        return "{" + ", ".join(values) + "}"

    def _value(self, value: Any, type_: str) -> str:
        if isinstance(value, Place):
            return str(-1 if value.buffer < 0 else self._plan.offsets[value.buffer] + value.offset)
        if isinstance(value, ConstantRef):
            return f"AT({self._constants[value.number]})"
        if isinstance(value, IsFp16):
            return str(int(self._plan.constants[value.number].array.dtype.itemsize == 2))
        if value is None:
            return "NULL" if type_ in ("ints", "floats", "weights") else "0"
        if isinstance(value, str):
            return f"LCNN_ACT_{value}"
        return _float(value) if type_ == "float" else str(int(value))


def _float(value: float) -> str:
    """Write a float32 so that C reads the same bits."""
    number = float(np.float32(value))
    if not np.isfinite(number):
        return {"inf": "INFINITY", "-inf": "-INFINITY"}.get(str(number), "NAN")
    return f"{number.hex()}f"


def _member(fields: Any) -> str:
    """Name the member of the union of ``lcnn_call`` that holds ``fields``: ``LookupShared`` -> ``lookup_shared``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(fields).__name__).lower()
