"""The nodes of an ONNX graph as operators; calls of functions that the model has become what these are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from ...errors import ModelFormatError
from ...utils.messages import shown
from .tensors import Tensors

__all__ = ["DOMAINS", "Operator", "written_out"]

DOMAINS = ("", "ai.onnx")
MOST_OPERATORS = 2**17  # of a model, functions written out: what is called twice by what is called twice, and so on
MOST_LETTERS = 2**28  # of all names of their values
DEEPEST = 64  # calls within calls


@dataclass(frozen=True)
class Operator:
    """A node of an ONNX graph. ``domain`` is empty for ONNX's own operators, "lcnn" for those that we recognise."""

    name: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    domain: str = ""


@dataclass
class _Body:
    """The nodes of a graph or of a called function that are still to be taken.

    ``prefix`` is put before its values' names but for ``names``, which are of the caller; ``given``: its attributes.
    """

    nodes: Iterator[tuple[int, onnx.NodeProto]]
    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def operator(self, number: int, node: onnx.NodeProto, tensors: Tensors) -> Operator:
        """Make the operator of a node, as the graph names its values."""
        name = node.name or next(iter(node.output), "") or f"{node.op_type}_{number}"
        domain = "" if node.domain in DOMAINS else node.domain
        attributes = {}
        for attribute in node.attribute:
            if not attribute.ref_attr_name:
                attributes[attribute.name] = _attribute(attribute, tensors)
            elif attribute.ref_attr_name in self.given:
                attributes[attribute.name] = self.given[attribute.ref_attr_name]
        inputs, outputs = (tuple(map(self._outside, names)) for names in (node.input, node.output))
        return Operator(f"{self.prefix}{name}", node.op_type, inputs, outputs, attributes, domain)

    def _outside(self, name: str) -> str:
        return self.names.get(name, f"{self.prefix}{name}" if name else "")


def written_out(
    nodes: Sequence[onnx.NodeProto], functions: Sequence[onnx.FunctionProto], opset: int, tensors: Tensors
) -> list[Operator]:
    """Give the operators of ``nodes``, calls of ``functions`` replaced by what these are made of.

    Raises ModelFormatError for functions of another opset, that call themselves, or that become too many operators.
    """
    known = {_key(function): function for function in functions}
    waiting, found, steps, letters = [_Body(enumerate(nodes))], [], 0, 0
    while waiting:
        number, node = next(waiting[-1].nodes, (0, None))
        if node is None:
            waiting.pop()
            continue
        operator = waiting[-1].operator(number, node, tensors)
        function = known.get((node.domain, node.op_type, node.overload))
        steps, letters = steps + 1, letters + sum(map(len, (*operator.inputs, *operator.outputs)))
        if function is None:
            found.append(operator)
        else:
            body, same = _called(operator, function, opset, tensors)
            found += same
            waiting.append(body)
        if len(waiting) > DEEPEST or (known and (steps > MOST_OPERATORS or letters > MOST_LETTERS)):
            expected = f"functions that are at most {DEEPEST} deep, and {MOST_OPERATORS:,} operators when written out"
            raise ModelFormatError(f"expected {expected}, found {shown(operator.type)} to be more or to call itself")
    return found


def _key(function: onnx.FunctionProto) -> tuple[str, str, str]:
    return function.domain, function.name, function.overload


def _called(call: Operator, function: onnx.FunctionProto, opset: int, tensors: Tensors) -> tuple[_Body, list[Operator]]:
    """Give the body of a call, and operators that hand through what a function gives of its inputs as it is."""
    for entry in function.opset_import:
        if entry.domain in DOMAINS and entry.version != opset:
            raise ModelFormatError(
                f"function {shown(function.name)}: expected operators of the model's opset {opset}, found "
                f"{entry.version}; write it out with onnx.inliner.inline_local_functions"
            )
    prefix = f"{next(filter(None, call.outputs), call.name)}::{call.type}::"  # what it calls may give its output, too
    inputs = [*call.inputs, *[""] * len(function.input)]
    names = dict(zip(function.input, inputs, strict=False))
    results = {inside: outside for inside, outside in zip(function.output, call.outputs, strict=False) if outside}
    same = [
        Operator(f"{prefix}{inside}", "Identity", (names[inside],), (outside,), {})
        for inside, outside in results.items()
        if inside in names
    ]
    given = {attribute.name: _attribute(attribute, tensors) for attribute in function.attribute_proto}
    body = _Body(enumerate(function.node), prefix, {**results, **names}, {**given, **call.attributes})
    return body, same


_KINDS = onnx.AttributeProto


def _attribute(attribute: onnx.AttributeProto, tensors: Tensors) -> Any:
    """Give an attribute as Python's own numbers, strings and lists; a tensor as what reads it, a graph as it is."""
    match attribute.type:
        case _KINDS.FLOAT:
            return attribute.f
        case _KINDS.INT:
            return attribute.i
        case _KINDS.STRING:
            return attribute.s.decode(errors="replace")
        case _KINDS.FLOATS:
            return list(attribute.floats)
        case _KINDS.INTS:
            return list(attribute.ints)
        case _KINDS.STRINGS:
            return [text.decode(errors="replace") for text in attribute.strings]
        case _KINDS.TENSOR:
            return tensors.reader(attribute.t)
    return attribute
