"""Finds functions that exporters write out in many operators: activations, and layer normalization.

An activation is found by what it computes, not by how it is written: operators on single numbers that come from one
value are a function of one number, which is evaluated and held beside those of ``model/activations.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...model.activations import ACTIVATION_FUNCTIONS
from .nodes import Operator

__all__ = ["recognised"]

MOST_STEPS = 10  # operators that one function may be written in
TOLERANCE = 3e-6  # of what a function gives, or of 1: its constants are rounded to float32
SAMPLES = np.concatenate([np.linspace(-12, 12, 481), *(sign * np.logspace(-4, 4, 41) for sign in (-1.0, 1.0))])
STEEPEST = 80.0  # beyond, what is written out with exp may overflow where the function does not

Constants = Mapping[str, np.ndarray]

_erf: Any = np.frompyfunc(math.erf, 1, 1)


def _clip(op: Operator, x: Any, low: Any = None, high: Any = None) -> Any:
    low = op.attributes.get("min") if low is None else low
    high = op.attributes.get("max") if high is None else high
    return np.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def _hard_sigmoid(op: Operator, x: Any) -> Any:
    return np.clip(op.attributes.get("alpha", 0.2) * x + op.attributes.get("beta", 0.5), 0.0, 1.0)


_NUMERIC: dict[str, Callable[..., Any]] = {
    "Add": lambda _, a, b: a + b, "Sub": lambda _, a, b: a - b, "Mul": lambda _, a, b: a * b,
    "Div": lambda _, a, b: a / b, "Pow": lambda _, a, b: np.power(a, b), "Sqrt": lambda _, x: np.sqrt(x),
    "Exp": lambda _, x: np.exp(x), "Log": lambda _, x: np.log(x), "Neg": lambda _, x: -x, "Abs": lambda _, x: np.abs(x),
    "Erf": lambda _, x: _erf(x).astype(np.float64), "Tanh": lambda _, x: np.tanh(x), "Identity": lambda _, x: x,
    "Sigmoid": lambda _, x: 0.5 + 0.5 * np.tanh(0.5 * x), "Relu": lambda _, x: np.maximum(x, 0.0), "Clip": _clip,
    "Max": lambda _, a, b: np.maximum(a, b), "Min": lambda _, a, b: np.minimum(a, b), "HardSigmoid": _hard_sigmoid,
    "Softplus": lambda _, x: np.logaddexp(0.0, x), "Reciprocal": lambda _, x: 1.0 / x,
}  # fmt: skip
_INPUTS = {"ReduceMean": (1, 2), "Sqrt": (1,), "Reciprocal": (1,)} | dict.fromkeys(
    ("Add", "Sub", "Mul", "Div", "Pow"), (2,)
)
_LAST = ("Mul", "Div", "Max", "Min", "Add", "Sub", "Clip", "Log")  # what the last operator of a function may be
_STRAIGHT = ("Add", "Sub", "Mul", "Div", "Neg", "Identity")  # no activation is made of these alone
_EXPECTED = {
    row.name: row.function(SAMPLES, 0.0)
    for row in ACTIVATION_FUNCTIONS.values()
    if not row.takes_alpha and row.name not in ("linear", "abs", "exponential", "sqrt", "log")
}
_PROBES = slice(0, 481, 40)  # samples that are looked at first, for nearly all functions differ there
_AT_PROBES = np.stack([expected[_PROBES] for expected in _EXPECTED.values()])


def recognised(operators: Sequence[Operator], constants: Constants) -> list[Operator]:
    """Give the operators with those that are written-out functions replaced by one each, of the domain "lcnn".

    What it takes the place of stays, for others may read it.
    """
    finder = _Finder(operators, constants)
    return [finder.activation(op) or finder.layer_norm(op) or op for op in operators]


class _Finder:
    """``makers``: the operators by what they give, ``places``: where they stand; ``sources``: below."""

    def __init__(self, operators: Sequence[Operator], constants: Constants) -> None:
        self.constants = constants
        self.makers: dict[str, Operator] = {}
        self.sources: dict[str, tuple[str, int]] = {}  # the nearest value that all of a value comes from; how far away
        self.places: dict[str, int] = {}
        for place, op in enumerate(operators):
            self.makers.update(dict.fromkeys(op.outputs, op))
            self.places.update(dict.fromkeys(op.outputs, place))

    def _number(self, name: str) -> float | None:
        array = self.constants.get(name)
        return None if array is None or array.size != 1 else float(array.reshape(-1)[0])

    # ------------------------------------------------------------------------------------------------- activations

    def activation(self, op: Operator) -> Operator | None:
        """Give the activation that ends with ``op``, over the longest way back; None where there is none."""
        source = self._source_of(op)
        if source is None:
            return None
        self.sources[op.outputs[0]] = source
        found, steps = None, 0
        name: str | None = source[0]
        while op.type in _LAST and name is not None and steps < MOST_STEPS:
            path = self._between(op, name)
            if path is None:
                break
            bends = any(each.type not in _STRAIGHT for each in path)
            if len(path) > 1 and bends and (match := self._match(path, name, op.outputs[0])) is not None:
                found = Operator(op.name, "lcnn.activation", (name,), op.outputs, match, "lcnn")
            steps += 1
            name = self.sources[name][0] if name in self.sources else None
        return found

    def _source_of(self, op: Operator) -> tuple[str, int] | None:
        """Give the nearest value that every input comes from, for an operator on single numbers."""
        if op.domain or op.type not in _NUMERIC or len(op.outputs) != 1:
            return None
        varying = [name for name in op.inputs if name and name not in self.constants]
        if not varying or any(self._number(name) is None for name in op.inputs if name in self.constants):
            return None
        names = set(varying)
        for _ in range(MOST_STEPS):
            if len(names) == 1:
                name = names.pop()
                return name, self._depth(name) + 1
            furthest = max(names, key=self._depth)
            if furthest not in self.sources:
                return None
            names.remove(furthest)
            names.add(self.sources[furthest][0])
        return None

    def _depth(self, name: str) -> int:
        return self.sources[name][1] if name in self.sources else 0

    def _between(self, op: Operator, source: str) -> list[Operator] | None:
        """List the operators from ``source`` to ``op``, in order; None where they are too many."""
        found: dict[str, Operator] = {op.outputs[0]: op}
        waiting = [op]
        while waiting:
            for name in waiting.pop().inputs:
                if not name or name == source or name in self.constants or name in found:
                    continue
                if name not in self.sources or len(found) >= MOST_STEPS:
                    return None
                found[name] = self.makers[name]
                waiting.append(found[name])
        return sorted(found.values(), key=lambda each: self.places[each.outputs[0]])

    def _match(self, path: Sequence[Operator], source: str, last: str) -> dict[str, Any] | None:
        """Evaluate a function written out, and find the activation that it is."""
        values: dict[str, Any] = {source: SAMPLES}
        with np.errstate(all="ignore"):
            for op in path:
                inputs = [None if not name else values.get(name, self._number(name)) for name in op.inputs]
                try:
                    result = np.asarray(_NUMERIC[op.type](op, *inputs), np.float64)
                    values[op.outputs[0]] = np.broadcast_to(result, SAMPLES.shape)
                except (TypeError, ValueError):  # an input too many, one left out, or an attribute of another kind
                    return None
        y = values[last]
        close = np.abs(y[_PROBES] - _AT_PROBES) <= TOLERANCE * np.maximum(1.0, np.abs(_AT_PROBES))
        for (name, expected), near in zip(_EXPECTED.items(), close.all(axis=1), strict=True):
            if near and _alike(y, expected):
                return {"activation": name}
        alpha = -float(np.interp(-1.0, SAMPLES[:481], y[:481]))
        if 0.0 < alpha < 1.0 and _alike(y, ACTIVATION_FUNCTIONS["leaky_relu"].function(SAMPLES, alpha)):
            return {"activation": "leaky_relu", "alpha": float(np.float32(alpha))}
        return None

    # ----------------------------------------------------------------------------------------- layer normalization

    def layer_norm(self, op: Operator) -> Operator | None:
        """Give the layer normalization that ends with ``op``: x less its mean, over its standard deviation."""
        if op.type not in ("Div", "Mul") or op.domain or len(op.inputs) != 2:
            return None
        pairs = [op.inputs] if op.type == "Div" else [op.inputs, op.inputs[::-1]]
        for centred, below in pairs:
            found = self._deviation(below, inverse=op.type == "Mul")
            mean = self._mean_taken_off(centred)
            if (
                found is not None
                and mean is not None
                and found[0] == mean[1]
                and self._is_square(found[1], mean[0], centred)
            ):
                fields = {"axis": found[0], "epsilon": found[2]}
                return Operator(op.name, "lcnn.layer_norm", (mean[0],), op.outputs, fields, "lcnn")
        return None

    def _maker(self, name: str, *types: str) -> Operator | None:
        """Give what makes a value, where it is one of ``types`` and has as many inputs as those have."""
        op = self.makers.get(name)
        if op is None or op.domain or op.type not in types or len(op.inputs) not in _INPUTS[op.type]:
            return None
        return op

    def _mean(self, name: str) -> tuple[str, int] | None:
        """Give what a mean over one axis, which is kept, is taken of, and the axis."""
        op = self._maker(name, "ReduceMean")
        if op is None or op.attributes.get("keepdims", 1) != 1:
            return None
        axes = op.attributes.get("axes")
        if axes is None and len(op.inputs) > 1 and op.inputs[1] in self.constants:
            axes = self.constants[op.inputs[1]].reshape(-1).tolist()
        if not isinstance(axes, list) or len(axes) != 1 or not isinstance(axes[0], int):
            return None
        return op.inputs[0], axes[0]

    def _mean_taken_off(self, name: str) -> tuple[str, int] | None:
        """Give x and the axis where ``name`` is x less its mean."""
        op = self._maker(name, "Sub")
        mean = None if op is None else self._mean(op.inputs[1])
        return mean if op is not None and mean is not None and mean[0] == op.inputs[0] else None

    def _deviation(self, name: str, inverse: bool) -> tuple[int, str, float] | None:
        """Give axis, v, epsilon where ``name`` is the root of the mean of v plus epsilon, or ``inverse`` 1 over it."""
        op = self._maker(name, "Reciprocal", "Div") if inverse else self._maker(name, "Sqrt", "Pow")
        if inverse and op is not None:
            if op.type == "Div" and self._number(op.inputs[0]) != 1.0:
                return None
            op = self._maker(op.inputs[-1], "Sqrt", "Pow")
        elif inverse:
            op = self._maker(name, "Pow")
        if op is None or (op.type == "Pow" and self._number(op.inputs[1]) not in (0.5, -0.5 if inverse else 0.5)):
            return None
        total = self._maker(op.inputs[0], "Add")
        if total is None:
            return None
        for value, epsilon in (total.inputs, total.inputs[::-1]):
            number, mean = self._number(epsilon), self._mean(value)
            if number is not None and mean is not None:
                return mean[1], mean[0], number
        return None

    def _is_square(self, name: str, source: str, centred: str) -> bool:
        """Tell whether ``name`` is the square of ``centred``, or of another x less its mean."""
        op = self._maker(name, "Pow", "Mul")
        if op is None or not (op.inputs[0] == op.inputs[1] if op.type == "Mul" else self._number(op.inputs[1]) == 2.0):
            return False
        mean = self._mean_taken_off(op.inputs[0])
        return op.inputs[0] == centred or (mean is not None and mean[0] == source)


def _alike(found: np.ndarray, expected: np.ndarray) -> bool:
    near = np.abs(SAMPLES) <= STEEPEST
    if not np.isfinite(found[near]).all():
        return False
    off = np.abs(found - expected) <= TOLERANCE * np.maximum(1.0, np.abs(expected))
    return bool((off | (~near & ~np.isfinite(found))).all())
