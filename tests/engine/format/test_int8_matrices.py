"""Matrices of fully connected layers in int8: what is written, what comes back, and what is refused."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from lcnn_engine import ModelFormatError, Net, read_model, write_model
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.format.int8_matrices import rounded_to_int8, with_int8_matrices
from lcnn_engine.format.model_file import stored_bytes
from lcnn_engine.model.int8 import quantize_weights
from tests.engine.format.test_model_file_damaged import SECONDS, outcome
from tests.helpers.model_files import unchecked_file, valid_graph, valid_tensors

ROOT = Path(__file__).parents[3]


def graph() -> dict[str, Any]:
    """The valid graph with a dictionary in its lookup layer of a vector."""
    found = valid_graph()
    ops = {item["name"]: item["op"] for item in found["nodes"]}
    assert (ops["fc"], ops["logits"]) == ("lookup_dense", "dense")
    return found


def ops() -> dict[str, str]:
    return {item["name"]: item["op"] for item in graph()["nodes"]}


def floats() -> dict[str, np.ndarray]:
    """Tensors with matrices of any numbers: of ``fc`` five atoms, one of them 0, of ``logits`` two rows."""
    rng = np.random.default_rng(8)
    D = rng.standard_normal((5, 36)).astype(np.float32) * np.float32([[1], [1e-3], [40], [0], [7]])
    kernel = rng.standard_normal((2, 3)).astype(np.float32)
    changed = {"fc/dictionary": D, "fc/indices": np.int32([4, 0, 3]), "logits/kernel": kernel}
    return valid_tensors() | changed


def int8() -> dict[str, np.ndarray]:
    return with_int8_matrices(ops(), floats())


def test_only_matrices_of_fully_connected_layers_become_integers() -> None:
    given, found = floats(), int8()
    assert {name for name, array in found.items() if array.dtype == np.int8} == {"fc/dictionary", "logits/kernel"}
    assert found.keys() - given.keys() == {"fc/dictionary_scale", "logits/kernel_scale"}
    for name in ("fc/dictionary", "logits/kernel"):
        scale = found[f"{name}_scale"]
        largest = np.abs(given[name]).max(axis=1)
        assert scale.dtype == np.float32
        assert np.array_equal(scale, np.where(largest == 0, 1, largest / np.float32(127)))
        assert (np.abs(found[name].astype(int)).max(axis=1) == np.where(largest == 0, 0, 127)).all()
        assert (np.abs(scale[:, None] * found[name] - given[name]) <= 0.5001 * scale[:, None]).all()
    unchanged = given.keys() - {"fc/dictionary", "logits/kernel"}
    assert all(found[name] is given[name] or np.array_equal(found[name], given[name]) for name in unchanged)


def test_what_is_read_is_scale_times_integer(tmp_path: Path) -> None:
    path = tmp_path / "int8.safetensors"
    tensors = int8()
    write_model(graph(), tensors, path)
    with safe_open(path, "np") as file:
        assert file.metadata()["format_version"] == "2"
        assert file.get_slice("logits/kernel").get_dtype() == "I8"
        assert np.array_equal(file.get_tensor("fc/dictionary"), tensors["fc/dictionary"])
    _, found = read_model(path)
    assert found.keys() == floats().keys()
    for name in ("fc/dictionary", "logits/kernel"):
        expected = tensors[name].astype(np.float32) * tensors[f"{name}_scale"][:, None]
        assert (found[name].dtype, found[name].flags.c_contiguous) == (np.float32, True)
        assert np.array_equal(found[name], expected)
        assert np.array_equal(found[name], rounded_to_int8(floats()[name]))
        assert np.array_equal(found[name], rounded_to_int8(found[name]))


def test_the_file_is_a_quarter_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model(graph(), int8(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found = stored_bytes(tmp_path / "a")
    assert found.keys() == floats().keys()
    assert (found["fc/dictionary"], found["logits/kernel"]) == (5 * 36 + 5 * 4, 2 * 3 + 2 * 4)


def test_a_file_without_integers_stays_of_version_1(tmp_path: Path) -> None:
    write_model(graph(), floats(), tmp_path / "floats")
    with safe_open(tmp_path / "floats", "np") as file:
        assert file.metadata()["format_version"] == "1"


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_it_computes_as_the_numbers_that_it_stands_for(tmp_path: Path, precision: str) -> None:
    path = tmp_path / "int8.safetensors"
    write_model(graph(), int8(), path)
    x = np.random.default_rng(0).standard_normal((3, 6, 6, 3)).astype(np.float32)
    found = Net.load(path, precision=precision).run(x)
    model = graph_from_object(graph())
    assert np.array_equal(found, Net(model, int8(), precision=precision).run(x))
    assert np.array_equal(found, Net(model, read_model(path)[1], precision=precision).run(x))


def test_precision_int8_multiplies_by_the_integers_of_the_file(tmp_path: Path) -> None:
    tensors = int8()
    write_model(graph(), tensors, tmp_path / "int8")
    _, widened = read_model(tmp_path / "int8")
    for name in ("fc/dictionary", "logits/kernel"):
        assert np.array_equal(quantize_weights(widened[name]).integers, tensors[name])


def test_the_shipped_network_classifies_as_before(tmp_path: Path) -> None:
    path = ROOT / "weights" / "mnist-alexnet-lcnn-fast.safetensors"
    model, tensors = read_model(path)
    write_model(model, with_int8_matrices({node.name: node.op for node in model.nodes}, tensors), tmp_path / "int8")
    digits = sorted((ROOT / "tests" / "data" / "digits").glob("*.png"))
    assert len(digits) >= 10
    before, found = (Net.load(file, threads=1).predict(digits) for file in (path, tmp_path / "int8"))
    assert np.array_equal(found.argmax(axis=1), before.argmax(axis=1))
    assert 0 < np.abs(found - before).max() < 0.005


def test_numbers_that_are_not_finite_are_left_for_the_writer_to_refuse(tmp_path: Path) -> None:
    for number in (np.nan, np.inf):
        tensors = floats()
        tensors["logits/kernel"][1, 2] = number
        with pytest.raises(ModelFormatError, match=r"tensor 'logits/kernel': expected finite values, found (nan|inf)"):
            write_model(graph(), with_int8_matrices(ops(), tensors), tmp_path / "never")
    assert not list(tmp_path.iterdir())


def test_an_empty_matrix_stays() -> None:
    empty = {"logits/kernel": np.zeros((0, 3), np.float32)}
    assert with_int8_matrices(ops(), empty) == empty
    assert rounded_to_int8(empty["logits/kernel"]).shape == (0, 3)


SCALES = "logits/kernel_scale"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no scales": ({SCALES: None}, "'logits/kernel_scale': expected F32 of shape (2,), beside an I8 matrix, found none"),
    "scales of columns": ({SCALES: np.ones(3, np.float32)}, "of shape (2,), beside an I8 matrix, found F32 (3,)"),
    "scales of two axes": ({SCALES: np.ones((2, 1), np.float32)}, "expected F32 of shape (2,), beside an I8 matrix"),
    "scales in float16": ({SCALES: np.ones(2, np.float16)}, "beside an I8 matrix, found F16 (2,)"),
    "integers as scales": ({SCALES: np.ones(2, np.int32)}, "beside an I8 matrix, found I32 (2,)"),
    "a scale of 0": ({SCALES: np.float32([1, 0])}, "kernel_scale': expected finite scales above 0, found 0.0 at 1"),
    "a scale below 0": ({SCALES: np.float32([-1, 1])}, "expected finite scales above 0, found -1.0 at 0"),
    "a scale of NaN": ({SCALES: np.float32([1, np.nan])}, "expected finite scales above 0, found nan at 1"),
    "a scale of infinity": ({SCALES: np.float32([np.inf, 1])}, "expected finite scales above 0, found inf at 0"),
    "numbers beyond float32": (
        {SCALES: np.float32([1, 3e38])}, "tensor 'logits/kernel': expected finite values, found"),
    "the integer -128": (
        {"logits/kernel": np.int8([[1, 2, 3], [4, -128, 6]])},
        "tensor 'logits/kernel': expected integers from -127 to 127, found -128"),
    "a matrix of another shape": (
        {"logits/kernel": np.ones((2, 4), np.int8)}, "'logits/kernel': expected F32 or F16 of shape (2, 3), found"),
    "a matrix of one axis": (
        {"logits/kernel": np.ones(2, np.int8)}, "tensor 'logits/kernel': expected I8 only for a kernel of dense"),
    "a bias of integers": (
        {"logits/bias": np.ones(2, np.int8)}, "tensor 'logits/bias': expected I8 only for a kernel of dense"),
    "a dictionary of a convolution": (
        {"conv/dictionary": np.ones((2, 3), np.int8), "conv/dictionary_scale": np.ones(2, np.float32)},
        "tensor 'conv/dictionary': expected I8 only for a kernel of dense or a dictionary of lookup_dense"),
    "scales beside floats": (
        {"logits/kernel": np.ones((2, 3), np.float32)},
        "tensor 'logits/kernel_scale': expected only tensors of the graph's nodes, found this one too"),
    "a matrix of no node": (
        {"other/kernel": np.ones((2, 3), np.int8), "other/kernel_scale": np.ones(2, np.float32)},
        "tensor 'other/kernel': expected I8 only for a kernel of dense"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_refused_by_reader_and_writer(fault: str, tmp_path: Path) -> None:
    changes, expected = WRONG[fault]
    tensors = {name: array for name, array in (int8() | changes).items() if array is not None}
    with pytest.raises(ModelFormatError) as read:
        read_model(unchecked_file(graph(), tensors, format_version="2"))
    with pytest.raises(ModelFormatError) as written:
        write_model(graph(), tensors, tmp_path / "never")
    assert expected in str(read.value)
    assert expected in str(written.value)
    assert not list(tmp_path.iterdir())


def test_a_reader_of_version_1_never_takes_integers() -> None:
    with pytest.raises(ModelFormatError, match=r"expected I8 only in a file of format_version '2', found '1'"):
        read_model(unchecked_file(graph(), int8(), format_version="1"))
    with pytest.raises(ModelFormatError, match="expected format_version '1' or '2', found '3'"):
        read_model(unchecked_file(graph(), int8(), format_version="3"))


def test_damaged_files_are_refused_or_run() -> None:
    rng = random.Random(11)
    intact = unchecked_file(graph(), int8(), format_version="2")
    seen = {"refused": 0, "loaded": 0}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        data = bytearray(intact)
        for _ in range(rng.choice([1, 1, 2, 8])):
            position = rng.randrange(len(data))
            data[position] = rng.choice([data[position] ^ 1 << rng.randrange(8), 0, 255, ord("8")])
        seen[outcome(bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])]))] += 1
    assert seen["refused"] > 20
    assert seen["loaded"] > 0
