"""ONNX files from outside: kinds of weights that are read, and everything that a broken or malicious file may hold."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data

from lcnn_engine import ModelFormatError, from_onnx
from lcnn_engine.cli import main
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node

KERNEL = seeded("reading").standard_normal((3, 2, 3, 3), dtype=np.float32)
SHAPE = (1, 2, 5, 5)


def convolution(kernel: np.ndarray = KERNEL, **attributes: object) -> onnx.ModelProto:
    return onnx.load_from_string(model_of([node("Conv", ["x", "w"], **attributes)], {"w": kernel}, SHAPE))


def kernel_of(model: onnx.ModelProto | bytes | Path) -> np.ndarray:
    """The kernel of the convolution that a model has become."""
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    return next(iter(from_onnx(source)[1].values()))


def refused(model: onnx.ModelProto | bytes | Path, match: str) -> None:
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    with pytest.raises(ModelFormatError, match=match):
        from_onnx(source)


class TestKinds:
    @pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
    @pytest.mark.parametrize("raw", [True, False])
    def test_floats_are_widened_or_narrowed(self, kind: int, raw: bool) -> None:
        values = np.round(KERNEL * 4) / 4  # held exactly by all of them
        tensor = helper.make_tensor("w", TensorProto.FLOAT, KERNEL.shape, values.reshape(-1))
        model = convolution()
        if raw:
            data = {TensorProto.FLOAT16: values.astype(np.float16).tobytes(),
                    TensorProto.DOUBLE: values.astype(np.float64).tobytes(),
                    TensorProto.BFLOAT16: (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()}[kind]  # fmt: skip
            tensor = TensorProto(name="w", data_type=kind, dims=KERNEL.shape, raw_data=data)
        else:
            tensor = helper.make_tensor("w", kind, KERNEL.shape, values.reshape(-1))
        model.graph.initializer[0].CopyFrom(tensor)
        np.testing.assert_array_equal(kernel_of(model), values)

    @pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 13, 17, 18, 21, 22, 23])
    def test_every_opset(self, opset: int) -> None:
        model = model_of([node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"])], {"w": KERNEL}, SHAPE, opset)
        assert from_onnx(model)[0].nodes[0].attributes()["activation"] == "relu"

    def test_constants_that_are_inputs_too(self) -> None:
        """As files before version 4 list them."""
        model = convolution()
        model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, KERNEL.shape))
        np.testing.assert_array_equal(kernel_of(model), KERNEL)

    def test_data_in_a_file_beside_it(self, tmp_path: Path) -> None:
        model = convolution()
        convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
        onnx.save(model, tmp_path / "model.onnx")
        assert (tmp_path / "weights.bin").stat().st_size >= KERNEL.nbytes
        np.testing.assert_array_equal(kernel_of(tmp_path / "model.onnx"), KERNEL)


def outside(**entries: str) -> onnx.ModelProto:
    """A model whose kernel is said to be in another file."""
    model = convolution()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return model


class TestDataElsewhere:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """A folder with a model to be, beside a file that is none of its business."""
        (tmp_path / "secret").write_bytes(KERNEL.tobytes())
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "weights").write_bytes(KERNEL.tobytes())
        return tmp_path / "models"

    @pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "link", "sub/../../secret", "", ".", "a\0b"])
    def test_outside_of_the_folder(self, folder: Path, location: str) -> None:
        (folder / "link").symlink_to(folder.parent / "secret")
        path = folder / "model.onnx"
        path.write_bytes(outside(location=location).SerializeToString())
        refused(path, "expected its data in a file below")

    def test_of_a_model_in_a_linked_folder(self, folder: Path) -> None:
        (folder.parent / "link").symlink_to(folder)
        (folder / "model.onnx").write_bytes(outside(location="weights").SerializeToString())
        np.testing.assert_array_equal(kernel_of(folder.parent / "link" / "model.onnx"), KERNEL)

    def test_of_bytes(self) -> None:
        refused(outside(location="weights"), "give the path of the model, not its bytes")

    @pytest.mark.parametrize(("entries", "match"), [
        ({"location": "none"}, "found no such file"),
        ({"location": "weights", "offset": "1"}, r"expected 216 bytes at 1 of 'weights', found 215 of a file of 216"),
        ({"location": "weights", "offset": "-1"}, "expected offset of its data to be a number of bytes, found '-1'"),
        ({"location": "weights", "length": str(2**50)}, "expected 216 bytes at 0 of 'weights'"),
        ({"location": "weights", "length": "9" * 40}, "expected length of its data to be a number of bytes"),
    ])  # fmt: skip
    def test_of_another_size(self, folder: Path, entries: dict[str, str], match: str) -> None:
        path = folder / "model.onnx"
        path.write_bytes(outside(**entries).SerializeToString())
        refused(path, match)

    def test_a_device(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        path = folder / "model.onnx"
        path.write_bytes(outside(location="pipe").SerializeToString())
        refused(path, "found no such file")

    def test_read_again_and_again_by_overlapping_tensors(self, folder: Path) -> None:
        """A small file must not become any amount of memory."""
        (folder / "weights").write_bytes(bytes(1000))
        constants = {f"c{i}": np.zeros(200, np.float32) for i in range(3)}
        nodes = [node("Add", ["x" if i == 0 else f"t{i - 1}", f"c{i}"], [f"t{i}" if i < 2 else "y"]) for i in range(3)]
        model = onnx.load_from_string(model_of(nodes, constants, (1, 200)))
        for i, tensor in enumerate(model.graph.initializer):
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in {"location": "weights", "offset": str(4 * i), "length": "800"}.items():
                tensor.external_data.add(key=key, value=value)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        refused(folder / "model.onnx", "expected tensors that share no bytes of 'weights'")


def huge_tensor() -> onnx.ModelProto:
    model = convolution()
    model.graph.initializer[0].dims[:] = [2**40, 2, 3, 3]
    return model


def huge_tensor_without_data() -> onnx.ModelProto:
    model = huge_tensor()
    model.graph.initializer[0].ClearField("raw_data")
    return model


def folded(op: str, *constants: np.ndarray) -> bytes:
    """A constant that is calculated, added to x."""
    names = [f"c{i}" for i in range(len(constants))]
    nodes = [node(op, names, ["big"]), node("Add", ["x", "big"])]
    return model_of(nodes, dict(zip(names, constants, strict=True)), SHAPE)


def doubled() -> bytes:
    """A constant of a number that is put after itself sixty times."""
    nodes = [node("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0) for i in range(60)]
    return model_of([*nodes, node("Add", ["x", "c60"])], {"c0": np.zeros(1, np.float32)}, SHAPE)


def circle() -> bytes:
    return model_of([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"])])


BROKEN: dict[str, tuple[Callable[[], onnx.ModelProto | bytes], str]] = {
    "nothing": (lambda: b"", "expected an ONNX model"),
    "text": (lambda: b"hello, world", "expected an ONNX model"),
    "2^40 filters": (huge_tensor, "tensor 'w': expected data for shape"),
    "2^40 filters without data": (huge_tensor_without_data, "tensor 'w': expected data for shape"),
    "2^40 zeros": (lambda: folded("ConstantOfShape", np.array([2**40], np.int64)), "expected constants that take at"),
    "2^40 by Expand": (lambda: folded("Expand", np.float32(1), np.array([2**40], np.int64)), "expected constants that"),
    "2^40 by Tile": (lambda: folded("Tile", np.ones(1, np.float32), np.array([2**40], np.int64)), "expected constants"),
    "a long Range": (lambda: folded("Range", *np.array([0, 2**60, 1], np.int64)), "expected constants that take"),
    "a circle": (circle, "expected 'b' to be made before, found it made later, or in a circle"),
    "missing weights": (lambda: model_of([node("Conv", ["x", "w"])]), "expected 'w' to be made before, .* nowhere"),
    "made twice": (lambda: model_of([node("Relu", outputs=["a"]), node("Relu", outputs=["a"]), node("Relu", ["a"])]),
                   "expected every value to be made once, found 'a'"),
    "a huge input": (lambda: model_of([node("Relu")], shape=(1, 3, 2**40, 4)), "expected sizes of at least 1|a height"),
    "an old opset": (lambda: model_of([node("Relu")], opset=6), "expected opset 7 or newer, found 6"),
    "no opset": (lambda: model_of([node("Relu")], opset=2**31), "expected an opset of at most 32768, found 2147483648"),
    "two inputs": (lambda: two_inputs(), r"expected a model with one input that it reads, found \['x', 'z'\]"),
    "text weights": (lambda: text_weights(), "expected numbers, found"),
    "values that are not finite": (lambda: convolution(np.full_like(KERNEL, np.nan)), "expected finite values"),
}  # fmt: skip


def two_inputs() -> onnx.ModelProto:
    model = onnx.load_from_string(model_of([node("Add", ["x", "z"])]))
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4, 7, 9]))
    return model


def text_weights() -> onnx.ModelProto:
    model = convolution()
    model.graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.STRING, [1], [b"a"]))
    return model


def test_a_constant_that_is_doubled_sixty_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcnn_engine.interop.onnx_import.constants.MAX_FOLDED_BYTES", 2**20)
    refused(doubled(), "expected constants that take at most 1,048,576 bytes when calculated")


@pytest.mark.parametrize("what", BROKEN)
def test_broken(what: str) -> None:
    make, match = BROKEN[what]
    before = time.perf_counter()
    refused(make(), match)
    assert time.perf_counter() - before < 10


def test_a_file_cut_short_anywhere() -> None:
    """Every end of a file is refused, or leaves a model that is whole: protobuf's fields may be left out."""
    whole = convolution().SerializeToString()
    for end in range(0, len(whole), 7):
        try:
            from_onnx(whole[:end])
        except ModelFormatError:
            continue


def test_a_directory_and_a_pipe(tmp_path: Path) -> None:
    refused(tmp_path, "expected an ONNX file, found a directory")
    os.mkfifo(tmp_path / "pipe.onnx")
    refused(tmp_path / "pipe.onnx", "expected an ONNX file, found a device, pipe or socket")


def test_random_bytes_changed() -> None:
    """Whatever one byte is changed to, there is a model or a ModelFormatError."""
    rng, whole = seeded("bytes"), convolution(pads=[1, 1, 1, 1], strides=[1, 1]).SerializeToString()
    for _ in range(400):
        changed = bytearray(whole)
        changed[int(rng.integers(len(whole) - KERNEL.nbytes))] = int(rng.integers(256))
        try:
            from_onnx(bytes(changed))
        except ModelFormatError:
            continue


CHAIN = """
import re, sys, time
from pathlib import Path
import numpy as np
from tests.helpers.onnx_models import model_of, node
from lcnn_engine import from_onnx
count = 100_000
names = ["x", *(f"v{i}" for i in range(count - 1)), "y"]
model = model_of([node(sys.argv[1], [a, *sys.argv[2:]], [b]) for a, b in zip(names, names[1:])], {"c": np.float32(0.5)})
before = time.process_time()
graph, tensors = from_onnx(model)
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(len(graph.nodes), time.process_time() - before, int(peak[1]) // 1024)
"""


@pytest.mark.parametrize("operator", [["Relu"], ["Mul", "c"]], ids=" ".join)
def test_a_hundred_thousand_nodes(operator: list[str]) -> None:
    """In time and memory that grow with their number, without recursion."""
    result = subprocess.run(
        [sys.executable, "-c", CHAIN, *operator], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    nodes, seconds, megabytes = result.stdout.split()
    assert int(nodes) <= 100_000
    assert float(seconds) < 60
    assert int(megabytes) < 2000


def test_nothing_is_written_of_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.onnx").write_bytes(circle())
    assert main(["convert", str(tmp_path / "broken.onnx"), str(tmp_path / "out.safetensors")]) == 2
    assert "made later, or in a circle" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.onnx"]
