"""Matrices of dense layers that a file holds in float16 stay so until they are packed, and nobody can tell."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, Net, read_model
from lcnn_engine.format.model_file import read_halves, with_floats
from lcnn_engine.kernels import variants
from lcnn_engine.plan import Plan
from tests.helpers.model_files import unchecked_file, valid_graph, valid_tensors

HALVES = {"fc/dictionary", "logits/kernel"}


def stored() -> dict[str, np.ndarray]:
    """Tensors of the valid graph in float16, with a dictionary in its lookup layer of a vector.

    Its second filter has no lookup, and its third atom is 0: folding has something to leave out.
    """
    rng = np.random.default_rng(1)
    D = rng.standard_normal((5, 36)).astype(np.float32)
    D[2] = 0
    changed = {"fc/dictionary": D, "fc/indptr": np.int32([0, 2, 2, 4]), "fc/indices": np.int32([0, 4, 2, 3])}
    changed |= {"fc/coefficients": np.float32([1, 0.5, 3, -2]), "logits/kernel": rng.standard_normal((2, 3))}
    tensors = valid_tensors() | changed
    return {name: array.astype(np.float16 if array.dtype.kind == "f" else np.int32) for name, array in tensors.items()}


def file() -> bytes:
    return unchecked_file(valid_graph(), stored())


def test_matrices_of_dense_layers_alone_stay_halves() -> None:
    _, tensors = read_halves(file())
    assert {name for name, array in tensors.items() if array.dtype == np.float16} == HALVES
    for found in (with_floats(tensors), read_model(file())[1]):
        for name, array in stored().items():
            assert found[name].dtype == (np.float32 if array.dtype.kind == "f" else np.int32)
            assert np.array_equal(found[name], array)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("variant", [name for name, runs in variants() if runs])
@pytest.mark.parametrize("folding", [False, True])
def test_the_plan_is_that_of_floats(variant: str, precision: str, folding: bool) -> None:
    graph, halves = read_halves(file())
    options: dict[str, Any] = {"variant": variant, "precision": precision, "folding": folding}
    plans = [Plan(graph, tensors, **options) for tensors in (halves, with_floats(halves))]
    assert plans[0] == plans[1]
    x, results = np.random.default_rng(0).standard_normal((2, *graph.input.shape)).astype(np.float32), []
    for plan in plans:
        results.append(np.empty((2, *graph.output_shape), np.float32))
        assert plan.run(x, [results[-1]], threads=1)
    assert np.array_equal(*results)


def test_a_net_shows_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(file())
    x = np.random.default_rng(0).standard_normal((6, 6, 3)).astype(np.float32)
    of_halves, of_floats = Net.load(tmp_path / "model", threads=1), Net(*read_model(file()), threads=1)
    again = pickle.loads(pickle.dumps(of_halves))
    for net in (of_halves, again):
        assert net.summary() == of_floats.summary()
        assert np.array_equal(net.run(x), of_floats.run(x))
        assert np.array_equal(net.features(x, "fc"), of_floats.features(x, "fc"))
        assert net.profile(x, runs=1, dense=True).dense_seconds


@pytest.mark.parametrize("name", sorted(HALVES))
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_halves_that_are_not_finite_are_found_where_they_are(name: str, number: float) -> None:
    tensors = stored()
    tensors[name][1, 2] = number
    with pytest.raises(ModelFormatError, match=rf"'{name}': expected finite values, found {number} at \(1, 2\)"):
        Net.load(unchecked_file(valid_graph(), tensors))
