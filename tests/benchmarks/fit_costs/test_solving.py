"""Constants from times, on times that are made of constants."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fit_costs.measuring import Timed
from benchmarks.fit_costs.solving import errors, fit


def _steps(rng: np.random.Generator, count: int, wrong: int = 0) -> list[Timed]:
    """Steps of 100 ns a call and 0.25 ns a value, of which some take ten times as long."""
    steps = []
    for number in range(count):
        values = float(rng.integers(10, 100000))
        activated = values if number % 2 else 0.0
        time = 100 + 0.25 * values + 0.5 * activated
        amounts = {"call": 1.0, "value": values, "nothing": float(rng.integers(100))}
        steps.append(
            Timed(
                "pointwise",
                amounts,
                "silu" if activated else "relu",
                activated,
                time * (10 if number < wrong else 1),
                False,
            )
        )
    return steps


def test_constants_are_found_again() -> None:
    fitted = fit(_steps(np.random.default_rng(0), 40))
    assert fitted.kernels["pointwise"]["call"] == pytest.approx(100, rel=1e-2)
    assert fitted.kernels["pointwise"]["value"] == pytest.approx(0.25, rel=1e-2)
    assert fitted.kernels["pointwise"]["nothing"] == pytest.approx(0, abs=1e-2)
    assert fitted.activations["silu"] == pytest.approx(0.5, rel=1e-2)


def test_steps_that_met_an_interrupt_do_not_count_much() -> None:
    steps = _steps(np.random.default_rng(0), 60, wrong=4)
    fitted = fit(steps)
    assert fitted.kernels["pointwise"]["value"] == pytest.approx(0.25, rel=0.1)
    assert errors(fitted, steps[4:])["pointwise"].median < 0.05


def test_no_constant_is_below_0() -> None:
    steps = [Timed("add", {"call": 1.0, "value": float(v)}, "linear", 0.0, 1000.0 - v, False) for v in range(1, 200)]
    assert min(fit(steps).kernels["add"].values()) >= 0


def test_errors_say_how_far_off_the_held_out_are() -> None:
    steps = _steps(np.random.default_rng(0), 40)
    late = _steps(np.random.default_rng(1), 10)
    slower = [Timed(s.kernel, s.amounts, s.activation, s.activated, 2 * s.nanoseconds, True) for s in late]
    found = errors(fit(steps), slower)["pointwise"]
    assert found.steps == 10
    assert found.median == pytest.approx(0.5, abs=0.02)
