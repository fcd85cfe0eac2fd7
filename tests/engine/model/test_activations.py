"""The table of activations: numbers worked by hand, and that nothing lacks one of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lcnn_engine import ModelFormatError
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.kernels import ACTIVATION_CODES
from lcnn_engine.model import reference
from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS, ACTIVATIONS
from lcnn_engine.model.graph import Activation
from tests.helpers.model_files import node, valid_graph


def e(x: float) -> float:
    return math.exp(x)


X = [-4, -1, 0, 2, 7]
ALPHA = 0.25
BY_HAND: dict[str, list[float]] = {
    "linear": [-4, -1, 0, 2, 7],
    "relu": [0, 0, 0, 2, 7],
    "relu6": [0, 0, 0, 2, 6],
    "leaky_relu": [-1, -0.25, 0, 2, 7],
    "sigmoid": [1 / (1 + e(4)), 1 / (1 + e(1)), 0.5, 1 / (1 + e(-2)), 1 / (1 + e(-7))],
    "tanh": [math.tanh(-4), math.tanh(-1), 0, math.tanh(2), math.tanh(7)],
    "silu": [-4 / (1 + e(4)), -1 / (1 + e(1)), 0, 2 / (1 + e(-2)), 7 / (1 + e(-7))],
    "hard_sigmoid": [0, 2 / 6, 0.5, 5 / 6, 1],
    "hard_silu": [0, -2 / 6, 0, 10 / 6, 7],
    "elu": [(e(-4) - 1) / 4, (e(-1) - 1) / 4, 0, 2, 7],
    "selu": [-1.725898632, -1.111330738, 0, 2.101401975, 7.354906911],
    "softplus": [
        math.log(1 + e(-4)),
        math.log(1 + e(-1)),
        math.log(2),
        2 + math.log(1 + e(-2)),
        7 + math.log(1 + e(-7)),
    ],
    "softsign": [-4 / 5, -1 / 2, 0, 2 / 3, 7 / 8],
    "gelu": [-4 * 3.167124183e-5, -0.158655253931, 0, 2 * 0.977249868052, 7 * (1 - 1.279812544e-12)],
    "gelu_tanh": [x / 2 * (1 + math.tanh(0.7978845608 * (x + 0.044715 * x**3))) for x in (-4, -1, 0, 2, 7)],
    "mish": [-0.072591750, -0.303401461, 0, 1.943958959, 6.999988296],
    "exponential": [e(-4), e(-1), 1, e(2), e(7)],
    "abs": [4, 1, 0, 2, 7],
    "sqrt": [math.nan, math.nan, 0, math.sqrt(2), math.sqrt(7)],
    "log": [math.nan, math.nan, -math.inf, math.log(2), math.log(7)],
    "hard_tanh": [-1, -1, 0, 1, 1],
}
"""act(X), with ALPHA where it is taken."""


def alpha_of(name: str) -> float | None:
    return ALPHA if ACTIVATION_FUNCTIONS[name].takes_alpha else None


def test_each_has_numbers_worked_by_hand() -> None:
    assert set(BY_HAND) == set(ACTIVATIONS), "tests/engine/model/test_activations.py, BY_HAND: a row for each"


def test_the_kernels_have_the_same_table() -> None:
    assert list(ACTIVATION_CODES) == list(ACTIVATIONS), "kernels/csrc/activations.h: the same rows in order; then build"
    assert list(ACTIVATION_CODES.values()) == list(range(len(ACTIVATIONS)))


@pytest.mark.parametrize("name", BY_HAND)
def test_function(name: str) -> None:
    y = reference.activation(np.array(X, np.float32), activation=name, alpha=alpha_of(name))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, BY_HAND[name], rtol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_shape_and_precision_stay(name: str) -> None:
    x = np.linspace(-9, 9, 24).reshape(2, 3, 4)
    y = ACTIVATION_FUNCTIONS[name].function(x, 0.5)
    assert y.shape == x.shape
    assert y.dtype == np.float64


def test_no_overflow_far_from_zero() -> None:
    x, domain = np.array([-1e4, 1e4]), {"exponential": slice(1), "sqrt": slice(1, 2), "log": slice(1, 2)}
    with np.errstate(over="raise"):
        for row in ACTIVATION_FUNCTIONS.values():
            assert np.isfinite(row.function(x[domain.get(row.name, slice(2))], 0.5)).all(), row.name
        np.testing.assert_array_equal(ACTIVATION_FUNCTIONS["sigmoid"].function(x, 0.0), [0, 1])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_alpha_goes_with_those_that_take_it(name: str) -> None:
    Activation(name="act", inputs=("image",), activation=name, alpha=alpha_of(name)).check()
    if ACTIVATION_FUNCTIONS[name].takes_alpha:
        with pytest.raises(ModelFormatError, match="node 'act': expected alpha to be a finite number, found None"):
            Activation(name="act", inputs=("image",), activation=name).check()
    else:
        with pytest.raises(ModelFormatError, match=r"node 'act': expected alpha only with leaky_relu.*, found 0.5"):
            Activation(name="act", inputs=("image",), activation=name, alpha=0.5).check()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_comes_back_from_a_file(activation: str) -> None:
    changed = valid_graph()
    node(changed, "sum")["activation"] = activation
    if not ACTIVATION_FUNCTIONS[activation].takes_alpha:
        del node(changed, "sum")["alpha"]
    assert graph_from_object(changed)["sum"].attributes()["activation"] == activation
