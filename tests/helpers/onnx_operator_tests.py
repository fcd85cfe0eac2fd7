"""ONNX's own tests of its operators, converted and run by the engine, and judged by what they say is to come out.

A test is a model of one operator, or of the operators that it is short for, with numbers in and out. It is tried in
several ways, for its inputs are anything, of any shape, and a network of ours has one image and else constants:

- as it is, where the first input is an image (N, C, H, W) or a vector (N, C): each of the N by itself, the other inputs
  as constants, the result in the engine's order of axes;
- each of its inputs by itself, and then all that are floating point, as parts of one vector, which Slice, Reshape and
  Cast bring into shape before the operator, and Reshape brings out of it behind;
- all inputs as constants: the operator is calculated as the model is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

from lcnn_engine import ModelFormatError, Net, from_onnx
from lcnn_engine.interop.onnx_import.translation import NotTakenError

OLDEST_OPSET = 7
MIXED = ("test_mvn_expanded", "test_mvn_expanded_ver18")  # statistics over all images of a batch
TOLERANCES = {"float16": 2e-3, "bfloat16": 1e-2}  # of the largest number; else TOLERANCE
TOLERANCE = 1e-5
DIGITS = 1e-4  # how far off results may be that a test says in four digits


class Test(NamedTuple):
    """``inputs`` and ``outputs`` by name, in order; None for what is no tensor of numbers."""

    operator: str
    name: str
    model: onnx.ModelProto
    inputs: Mapping[str, np.ndarray | None]
    outputs: Mapping[str, np.ndarray | None]


class Way(NamedTuple):
    """``image``: the inputs that are the image, or parts of it; ``direct``: it is the only input as it stands."""

    image: tuple[str, ...]
    direct: bool = False


class Outcome(NamedTuple):
    """``kind``: passed, refused, or wrong; ``why`` it is not passed."""

    kind: str
    why: str = ""


# ------------------------------------------------------------------------------------------------------- the tests


@lru_cache(maxsize=1)
def operator_tests() -> tuple[Test, ...]:
    """Give the tests of single operators that the package onnx makes."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        cases = load_model_tests(kind="node")
    single = {case.name: case.model.graph.node[0].op_type for case in cases if len(case.model.graph.node) == 1}
    found = []
    for case in cases:
        operator = single.get(case.name.partition("_expanded")[0], single.get(case.name))
        if operator is not None and case.data_sets:
            found.append(_test(operator, case.name, case.model, *case.data_sets[0]))
    return tuple(found)


@lru_cache(maxsize=1)
def pytorch_tests() -> tuple[Test, ...]:
    """Give the tests that the package onnx has of models that an early PyTorch wrote, at an opset that is read."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data"
    found = []
    for path in sorted([*folder.glob("pytorch-converted/*/model.onnx"), *folder.glob("pytorch-operator/*/model.onnx")]):
        model = onnx.load(path)
        if model.opset_import[0].version < OLDEST_OPSET:
            model = version_converter.convert_version(model, OLDEST_OPSET)
        numbers = [
            [
                numpy_helper.to_array(onnx.load_tensor(file))
                for file in sorted(path.parent.glob(f"test_data_set_0/{way}_*"))
            ]
            for way in ("input", "output")
        ]
        found.append(_test(path.parent.parent.name, path.parent.name, model, *numbers))
    return tuple(found)


def _test(operator: str, name: str, model: onnx.ModelProto, inputs: Sequence[Any], outputs: Sequence[Any]) -> Test:
    held = {tensor.name for tensor in model.graph.initializer}
    names = [info.name for info in model.graph.input if info.name not in held]
    return Test(
        operator, name, model,
        {key: _numbers(array) for key, array in zip(names, inputs, strict=False)},
        {info.name: _numbers(array) for info, array in zip(model.graph.output, outputs, strict=False) if info.name},
    )  # fmt: skip


def _numbers(found: Any) -> np.ndarray | None:
    if isinstance(found, TensorProto):
        found = numpy_helper.to_array(found)
    if not isinstance(found, np.ndarray | np.generic | float | int):
        return None
    array = np.asarray(found)
    return None if array.dtype.kind in "OSUc" else array


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" or "float" in array.dtype.name


def ways(test: Test) -> Iterator[Way]:
    """Give the ways in which a test can be tried with an image; none where something is no tensor of numbers."""
    if any(array is None for array in (*test.inputs.values(), *test.outputs.values())):
        return
    arrays = {name: array for name, array in test.inputs.items() if array is not None and array.size}
    first = next(iter(arrays), None)
    if first is not None and arrays[first].ndim in (2, 4) and test.name not in MIXED:
        yield Way((first,), direct=True)
    yield from (Way((name,)) for name in arrays)
    floats = tuple(name for name, array in arrays.items() if _is_float(array))
    if len(floats) > 1:
        yield Way(floats)


# ------------------------------------------------------------------------------------------------------ one attempt


def outcome(test: Test, way: Way) -> Outcome:
    """Convert a test and run it; every output has to be right."""
    images = [_known(test.inputs[name]) for name in way.image]
    with np.errstate(over="ignore"):
        finite = all(np.isfinite(array.astype(np.float32)).all() for array in images)
    if not finite:
        return Outcome("refused", "expected finite numbers of an image")
    for name, expected in test.outputs.items():
        assert expected is not None  # by ``ways``
        found = _direct(test, way, name, expected) if way.direct else _by_vector(test, way, name, expected)
        if found.kind != "passed":
            return found
    return Outcome("passed")


def _converted(model: onnx.ModelProto, output: str) -> Net | Outcome:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of roundings that are left out: then the numbers tell
            return Net(*from_onnx(model.SerializeToString(), output=output))
    except NotTakenError as error:
        return Outcome("refused", error.refusals[0].reason)
    except ModelFormatError as error:
        return Outcome("refused", str(error))


def models_of(test: Test) -> Iterator[onnx.ModelProto]:
    """Give the models by which a test is tried with an image, for its first output."""
    for way in ways(test):
        yield _direct_model(test, way) if way.direct else _vector_model(test, way, next(iter(test.outputs)))


def _direct_model(test: Test, way: Way) -> onnx.ModelProto:
    """Make the test's model for one image of its batch."""
    model = _with_constants(test, way)
    shape = (1, *_known(test.inputs[way.image[0]]).shape[1:])
    model.graph.input.append(helper.make_tensor_value_info(way.image[0], _kind(test, way.image[0]), shape))
    return model


def _direct(test: Test, way: Way, output: str, expected: np.ndarray) -> Outcome:
    images = _known(test.inputs[way.image[0]]).astype(np.float32)
    net = _converted(_direct_model(test, way), output)
    if isinstance(net, Outcome):
        return net
    if len(expected) != len(images) or expected.ndim < 2:
        return Outcome("refused", "its result is not one for each image of the batch")
    images = images.transpose(0, 2, 3, 1) if images.ndim == 4 else images
    expected = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
    found = np.stack([net.run(image.reshape(net.input_shape)) for image in images])
    one_wide = expected[0].size == max(expected[0].shape, default=1)
    shape = (len(images), expected[0].size) if one_wide or expected.ndim == 2 else expected.shape
    if found.shape != shape and found.ndim != 4:
        return Outcome("wrong", f"shape {found.shape} for {shape}")
    return _judged(found.reshape(len(images), -1), expected.reshape(len(images), -1))


def _vector(test: Test, way: Way) -> np.ndarray:
    parts = (_known(test.inputs[name]).reshape(-1) for name in way.image)
    return np.concatenate([np.array([2.0, -3.0]), *parts], dtype=np.float32)


def _vector_model(test: Test, way: Way, output: str) -> onnx.ModelProto:
    """One vector is the image; the result of the operator is put behind it, so that it may be a constant, too."""
    arrays = {name: _known(test.inputs[name]) for name in way.image}
    vector = _vector(test, way)
    model = _with_constants(test, way)
    graph = model.graph
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=18)
    graph.input.append(helper.make_tensor_value_info("the.vector", TensorProto.FLOAT, (1, vector.size)))
    head, start = [], 2
    for name, array in arrays.items():
        head += _taken_out(graph, name, start, array, _kind(test, name), opset)
        start += array.size
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1]), "the.row"))
    tail = [
        helper.make_node("Cast", [output], ["the.floats"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["the.floats", "the.row"], ["the.result"]),
        helper.make_node("Concat", ["the.vector", "the.result"], ["the.output"], axis=1),
    ]
    nodes = [*head, *graph.node, *tail]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _by_vector(test: Test, way: Way, output: str, expected: np.ndarray) -> Outcome:
    vector = _vector(test, way)
    net = _converted(_vector_model(test, way, output), "the.output")
    if isinstance(net, Outcome):
        return net
    found = net.run(vector.reshape(net.input_shape))
    if not np.array_equal(found[: vector.size], vector, equal_nan=True):
        return Outcome("wrong", "the vector is another behind")
    return _judged(found[vector.size :], expected.reshape(-1))


def _known(array: np.ndarray | None) -> np.ndarray:
    assert array is not None  # by ``ways``
    return array


def _kind(test: Test, name: str) -> int:
    return int(next(info for info in test.model.graph.input if info.name == name).type.tensor_type.elem_type)


def _with_constants(test: Test, way: Way) -> onnx.ModelProto:
    """Copy the model, inputs that are no image as constants; the image's are to be added."""
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    del model.graph.input[:]
    for name, array in test.inputs.items():
        if name not in way.image:
            model.graph.initializer.append(numpy_helper.from_array(_known(array), name))
    return model


def _taken_out(graph: Any, name: str, start: int, array: np.ndarray, kind: int, opset: int) -> list[onnx.NodeProto]:
    """Give what takes an input out of the vector."""
    numbers = {"from": [start], "to": [start + array.size], "of": [1], "shape": array.shape}
    for key, value in numbers.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), f"{name}.{key}"))
    bounds = {"starts": [start], "ends": [start + array.size], "axes": [1]}
    piece = ["the.vector", f"{name}.from", f"{name}.to", f"{name}.of"]
    is_float = kind == TensorProto.FLOAT
    nodes = [
        helper.make_node("Slice", piece, [f"{name}.piece"]) if opset >= 10 else
        helper.make_node("Slice", piece[:1], [f"{name}.piece"], **bounds),
        helper.make_node("Reshape", [f"{name}.piece", f"{name}.shape"], [name if is_float else f"{name}.float"]),
    ]  # fmt: skip
    return nodes if is_float else [*nodes, helper.make_node("Cast", [f"{name}.float"], [name], to=kind)]


def _judged(found: np.ndarray, expected: np.ndarray) -> Outcome:
    tolerance = TOLERANCES.get(expected.dtype.name, TOLERANCE)
    expected = expected.astype(np.float64)
    if found.shape != expected.shape:
        return Outcome("wrong", f"shape {found.shape} for {expected.shape}")
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return Outcome("wrong", "other numbers that are not finite")
    found, expected = found[finite], expected[finite]
    allowed = tolerance * np.abs(expected).max(initial=1e-30)
    if np.allclose(expected, np.round(expected, 4), rtol=0, atol=1e-7):
        allowed = max(allowed, DIGITS)
    difference = np.abs(found - expected).max(initial=0.0)
    return Outcome("passed") if difference <= allowed else Outcome("wrong", f"off by {difference:.2g}")


# ---------------------------------------------------------------------------------------------------- all attempts


class Result(NamedTuple):
    """What came of a test: of the image, way by way; and ``folded`` of its inputs as constants."""

    test: Test
    tried: Mapping[Way, Outcome]
    folded: Outcome

    @property
    def passed(self) -> bool:
        """Tell whether it passes with an image in one way at least."""
        return any(each.kind == "passed" for each in self.tried.values())

    @property
    def why(self) -> str:
        """Tell why it does not."""
        return next((each.why for each in self.tried.values()), "sequences, text, or no input at all")


@lru_cache(maxsize=2)
def results(pytorch: bool = False) -> tuple[Result, ...]:
    """Try all tests in all ways."""
    found = []
    for test in pytorch_tests() if pytorch else operator_tests():
        numbers = all(array is not None for array in (*test.inputs.values(), *test.outputs.values()))
        folded = outcome(test, Way(())) if numbers else Outcome("refused", "no tensors of numbers")
        found.append(Result(test, {way: outcome(test, way) for way in ways(test)}, folded))
    return tuple(found)
