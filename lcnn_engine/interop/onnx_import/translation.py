"""Goes through a model's operators once: folds what is constant, translates the rest, and collects every refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import onnx

from ...errors import ModelFormatError
from ...utils.messages import shown
from .building import Builder, RefusedError
from .calls import Call, Input, Translating
from .constants import FOLDED, Folder
from .input_layout import input_value
from .layout import Value, contiguous, laid_out
from .nodes import Operator
from .operators import TRANSLATED
from .operators.quantized import unpaired
from .reading import Model
from .recognition import recognised

__all__ = ["NotTakenError", "Refusal", "Translated", "translate"]

MOST_SHOWN = 20  # refusals in a message
MALFORMED = (ValueError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError)  # what a broken node may raise


class Refusal(NamedTuple):
    """Why an ONNX node cannot be taken."""

    name: str
    op: str
    reason: str


class NotTakenError(ModelFormatError):
    """A model has operators that the engine cannot take; ``refusals`` are all of them."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = list(refusals)
        lines = [f"{shown(name)} ({op}): {reason}" for name, op, reason in self.refusals[:MOST_SHOWN]]
        more = len(self.refusals) - MOST_SHOWN
        lines += [f"and {more} more"] if more > 0 else []
        count = f"{len(self.refusals)} node{'' if len(self.refusals) == 1 else 's'}"
        super().__init__(f"{count} of the model cannot be taken:\n  " + "\n  ".join(lines))

    def __reduce__(self) -> tuple[type, tuple[list[Refusal]]]:
        return NotTakenError, (self.refusals,)


@dataclass
class Translated:
    """What a model has become: ``builder`` has the nodes, ``output`` is one of them; ``notes`` say what was changed.

    ``values``: what has become of each value of the model that comes of the image, in the order they are made.
    """

    builder: Builder
    source: str
    output: str
    notes: list[str]
    values: dict[str, Value]


def translate(model: Model, input_size: tuple[int, int] | None, output: str | None) -> Translated:
    """Translate a model. Raises NotTakenError with every refusal, ModelFormatError for what is no sound model."""
    wanted = _output_of(model, output)
    operators = _needed(model.operators, wanted)
    _check_order(model, operators)
    return _Translator(model, operators, wanted).run(input_size)


def _output_of(model: Model, output: str | None) -> str:
    """Find the value that is to be the result: by its own name or that of the operator that gives it."""
    made = {name: name for op in model.operators for name in op.outputs if name}
    names = {op.name: op.outputs[0] for op in model.operators if op.outputs} | made
    listed = [declared.name for declared in model.outputs]
    if output is None:
        if len(listed) != 1:
            raise ModelFormatError(
                f"expected a model with one output, found {shown(listed)}; choose one (--output NAME)"
            )
        output = listed[0]
    if output not in names:
        raise ModelFormatError(
            f"expected the name of an output, one of {shown(listed)}, or of a node, found {shown(output)}"
        )
    return names[output]


def _needed(operators: Sequence[Operator], wanted: str) -> list[Operator]:
    """Keep the operators that ``wanted`` needs, in their order."""
    makers: dict[str, int] = {}
    for number, op in enumerate(operators):
        for name in op.outputs:
            if name in makers:
                raise ModelFormatError(f"expected every value to be made once, found {shown(name)} made twice")
            if name:
                makers[name] = number
    needed: set[int] = set()
    waiting = [wanted]
    while waiting:
        number = makers.get(waiting.pop(), -1)
        if number >= 0 and number not in needed:
            needed.add(number)
            waiting += operators[number].inputs
    return [operators[number] for number in sorted(needed)]


def _check_order(model: Model, operators: Sequence[Operator]) -> None:
    """Check that every value is made before it is read."""
    made = {declared.name for declared in model.inputs}
    later = {name for op in operators for name in op.outputs}
    for op in operators:
        for name in op.inputs:
            if name and name not in made and name not in model.tensors:
                what = "later, or in a circle" if name in later else "nowhere: the file lacks it"
                raise ModelFormatError(
                    f"node {shown(op.name)}: expected {shown(name)} to be made before, found it made {what}"
                )
        twice = next((name for name in op.outputs if name and name in model.tensors), None)
        if twice is not None:
            raise ModelFormatError(f"expected every value to be made once, found {shown(twice)} to be a constant, too")
        made.update(op.outputs)


class _Translator:
    """``known``: what is known of each value; None of one that could not be made."""

    def __init__(self, model: Model, operators: list[Operator], wanted: str) -> None:
        self.model = model
        self.operators = operators
        self.wanted = wanted
        self.known: dict[str, Input] = {}
        self.refusals: list[Refusal] = []
        self.notes: list[str] = []
        self.folder = Folder()
        self.unpaired: dict[str, str] = {}

    def run(self, input_size: tuple[int, int] | None) -> Translated:
        left = [op for op in self.operators if not self._fold(op)]
        for op in left:
            self._inputs(op)
        constants = {name: array for name, array in self.known.items() if isinstance(array, np.ndarray)}
        left = _needed(recognised(left, constants), self.wanted)
        declared, value = input_value(self.model, left, constants, input_size)
        self.known[declared] = value
        builder = Builder(declared, value.shape)
        self.unpaired = unpaired(left, constants, self.wanted)
        for op in left:
            self._translate(op, builder)
        if self.refusals:
            raise NotTakenError(self.refusals)
        result = self.known.get(self.wanted)
        if not isinstance(result, Value):
            raise ModelFormatError(f"expected the output {shown(self.wanted)} to depend on the input, found a constant")
        try:
            last = value.axes[1:] == contiguous(value.shape) and any(
                out.name == self.wanted for out in self.model.outputs
            )
            node = _result(builder, result, self.wanted, last)
        except RefusedError as error:
            raise NotTakenError([Refusal(self.wanted, "output", str(error))]) from None
        values = {name: found for name, found in self.known.items() if isinstance(found, Value)}
        return Translated(builder, declared, node, [*self.notes, *builder.notes], values)

    def _inputs(self, op: Operator) -> list[Input]:
        """Give what an operator reads, constants read from the file as they are needed."""
        for name in op.inputs:
            if name and name not in self.known and name in self.model.tensors:
                self.known[name] = self.model.tensors[name]
        return [self.known.get(name) if name else None for name in op.inputs]

    def _fold(self, op: Operator) -> bool:
        """Calculate an operator whose inputs are constants; True where that is done, or cannot be."""
        if any(name and name not in self.known and name not in self.model.tensors for name in op.inputs):
            return False
        inputs = self._inputs(op)
        if any(name and found is None for name, found in zip(op.inputs, inputs, strict=True)):
            self._give(op, [])
            return True
        if op.type == "DequantizeLinear" and not self.notes:
            self.notes.append("quantized weights were widened to float32")
        try:
            _check_count(op, self.model.opset)
            self._give(op, self.folder.fold(Call(op, inputs, self.model.opset)))
        except (RefusedError, *MALFORMED) as error:
            self._refuse(op, error)
        return True

    def _translate(self, op: Operator, builder: Builder) -> None:
        inputs = self._inputs(op)
        function = TRANSLATED.get(op.type) if op.domain in ("", "lcnn") else None
        lacking = any(name and found is None for name, found in zip(op.inputs, inputs, strict=True))
        try:
            _check_count(op, self.model.opset)
            if op.type in ("Shape", "Size") and not op.domain and not lacking:
                self._give(op, [_dims_of(op, inputs[0])])
            elif not lacking and not any(isinstance(found, Value) for found in inputs):
                self._give(op, self.folder.fold(Call(op, inputs, self.model.opset)))
            elif function is None and not (lacking and op.type in FOLDED and not op.domain):
                raise RefusedError(_unknown(op))
            elif op.outputs and op.outputs[0] in self.unpaired:
                raise RefusedError(self.unpaired[op.outputs[0]])
            elif lacking or function is None:
                self._give(op, [])
            else:
                found = function(Translating(op, inputs, self.model.opset, builder=builder))
                self._give(op, [found] if isinstance(found, Value) else found)
        except (RefusedError, ModelFormatError, *MALFORMED) as error:
            self._refuse(op, error)

    def _give(self, op: Operator, results: Sequence[Input]) -> None:
        found = [*results, *[None] * len(op.outputs)]
        self.known.update({name: result for name, result in zip(op.outputs, found, strict=False) if name})

    def _refuse(self, op: Operator, error: Exception) -> None:
        self.refusals.append(Refusal(op.name, op.type, str(error)))
        self._give(op, [])


def _check_count(op: Operator, opset: int) -> None:
    """Check how many inputs and outputs an operator of ONNX has. Raises RefusedError."""
    counts = None if op.domain else _counts_of(op.type, opset)
    if counts is None:
        return
    for what, names, (least, most) in (("inputs", op.inputs, counts[0]), ("outputs", op.outputs, counts[1])):
        given = next((i for i in range(len(names), 0, -1) if names[i - 1]), 0)  # those left out at the end do not count
        if not least <= given <= most:
            raise RefusedError(f"expected {least} to {most} {what}, found {given}")


@lru_cache(maxsize=512)
def _counts_of(kind: str, opset: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    try:
        schema = onnx.defs.get_schema(kind, opset)
    except onnx.defs.SchemaError:
        return None
    if schema.deprecated:
        return None
    return (schema.min_input, schema.max_input), (schema.min_output, schema.max_output)


def _unknown(op: Operator) -> str:
    where = f" of {op.domain}" if op.domain else ""
    return f"is no operator{where} that is taken; change the model, or end it before (--output NAME)"


def _dims_of(op: Operator, found: Input) -> np.ndarray:
    assert found is not None  # by _translate
    dims = found.dims if isinstance(found, Value) else found.shape
    if op.type == "Size":
        return np.array(np.prod(dims, dtype=np.int64))
    return np.array(dims[op.attributes.get("start", 0) : op.attributes.get("end")], np.int64)


def _result(builder: Builder, value: Value, name: str, channels_last: bool) -> str:
    """Give the node that is the output: (C,) where only one axis is wide, else (H, W, C).

    ``channels_last``: an output of four axes is N, H, W, C as the input is; without, where it lies in that order.
    """
    wide = [axis for axis, size in enumerate(value.dims) if size > 1]
    order: Sequence[Sequence[int]]
    if len(value.dims) <= 2 or len(wide) <= 1:
        order = [list(range(len(value.dims)))]
    elif len(value.dims) == 4 and value.dims[0] == 1:
        last = channels_last or value.axes[1:] == contiguous(value.shape)
        order = [[1], [2], [3]] if last else [[2], [3], [1]]
    elif len(wide) <= 3:
        order = [wide[:-2], wide[-2:-1], wide[-1:]]
    else:
        raise RefusedError(f"expected an output of at most three axes, found {value.dims}")
    node = builder.arranged(value, order, name)
    if node in {made.name for made in builder.nodes}:
        return node
    made = laid_out(node, order, value.dims)  # the input itself
    return builder.add("activation", name, [made.node], activation="linear")
