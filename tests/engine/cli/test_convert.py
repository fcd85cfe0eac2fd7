"""``lcnn convert``: an ONNX file becomes a model file, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from lcnn_engine import Net, read_model
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node
from tests.helpers.running import Run

LABELS = [f"class {i}" for i in range(5)]


@pytest.fixture
def onnx_path(tmp_path: Path) -> Path:
    """A classifier of five classes of an image of three channels, of any size."""
    rng = seeded("convert")
    constants = {"w": rng.standard_normal((5, 3, 3, 3), dtype=np.float32)}
    nodes = [node("Conv", ["x", "w"], ["a"], name="conv"), node("GlobalAveragePool", ["a"], ["b"]),
             node("Flatten", ["b"], ["c"]), node("Softmax", ["c"])]  # fmt: skip
    path = tmp_path / "five.onnx"
    path.write_bytes(model_of(nodes, constants, (1, 3, "H", "W")))
    return path


def test_with_all_options(run: Run, onnx_path: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(LABELS) + "\n")
    preprocessing = {"mode": "RGB", "mean": [0, 1, 2], "std": [1, 2, 3], "resize": {
        "policy": "exact", "size": [12, 10], "resample": "bilinear"}}  # fmt: skip
    (tmp_path / "pre.json").write_text(json.dumps(preprocessing))
    options = ["--labels", tmp_path / "labels.txt", "--preprocessing", tmp_path / "pre.json", "--dtype", "float16"]
    status, out, err = run("convert", onnx_path, tmp_path / "five.safetensors", *options, "--input-size", "12", "10")
    assert (status, err) == (0, "")
    assert out == f"{tmp_path / 'five.safetensors'}: 12 x 10 x 3 -> 5, 3 nodes, 0 of them with lookups\n"
    net = Net.load(tmp_path / "five.safetensors")
    assert (net.name, net.labels, net.input_shape) == ("five", LABELS, (12, 10, 3))
    assert net.classify(np.zeros((20, 30, 3), np.uint8), top=5)
    kernel = read_model(tmp_path / "five.safetensors")[1]["conv/kernel"]
    np.testing.assert_array_equal(kernel, kernel.astype(np.float16))


def test_dense_layers_in_int8(run: Run, tmp_path: Path) -> None:
    rng = seeded("convert to int8")
    weights = {"w": rng.standard_normal((5, 3, 3, 3), dtype=np.float32),
               "m": rng.standard_normal((5, 7), dtype=np.float32)}  # fmt: skip
    nodes = [node("Conv", ["x", "w"], ["a"], name="conv"), node("GlobalAveragePool", ["a"], ["b"]),
             node("Flatten", ["b"], ["c"]), node("Gemm", ["c", "m"], name="fc")]  # fmt: skip
    (tmp_path / "seven.onnx").write_bytes(model_of(nodes, weights, (1, 3, 12, 10)))
    for dtype in ("float32", "int8"):
        assert run("convert", tmp_path / "seven.onnx", tmp_path / dtype, "--dtype", dtype)[::2] == (0, "")
    found, exact = (read_model(tmp_path / dtype)[1] for dtype in ("int8", "float32"))
    scale = np.abs(exact["fc/kernel"]).max(axis=1, keepdims=True) / 127
    assert (np.abs(found["fc/kernel"] - exact["fc/kernel"]) <= 0.5001 * scale).all()
    assert not np.array_equal(found["fc/kernel"], exact["fc/kernel"])
    np.testing.assert_array_equal(found["conv/kernel"], exact["conv/kernel"].astype(np.float16))
    x = rng.standard_normal((12, 10, 3), dtype=np.float32)
    results = [Net.load(tmp_path / dtype).run(x) for dtype in ("float32", "int8")]
    np.testing.assert_allclose(results[1], results[0], atol=0.02 * np.abs(results[0]).max())


def test_classes_of_scores_are_said(run: Run, onnx_path: Path, tmp_path: Path) -> None:
    """They are shown as percentages, below 0 and above 100."""
    (tmp_path / "labels.txt").write_text("\n".join(LABELS) + "\n")
    options = ["--labels", tmp_path / "labels.txt", "--input-size", "12", "10", "--output", "c"]
    status, out, err = run("convert", onnx_path, tmp_path / "five.safetensors", *options)
    assert (status, err) == (0, "")
    assert out.startswith("note: the model ends without a softmax: what predict shows as percentages are scores\n")


def test_another_output(run: Run, onnx_path: Path, tmp_path: Path) -> None:
    arguments = ("convert", onnx_path, tmp_path / "out.safetensors", "--input-size", "12", "10", "--output", "conv")
    assert run(*arguments)[0] == 0
    assert Net.load(tmp_path / "out.safetensors").output_shape == (10, 8, 5)


def test_what_is_refused_is_one_line_and_writes_nothing(run: Run, onnx_path: Path, tmp_path: Path) -> None:
    status, out, err = run("convert", onnx_path, tmp_path / "out.safetensors")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "expected a height and a width" in err
    assert "--input-size H W" in err
    assert [path.name for path in tmp_path.iterdir()] == ["five.onnx"]


@pytest.mark.parametrize("limit", ["max-bytes", "max-multiplications"])
def test_what_the_model_may_take(run: Run, onnx_path: Path, tmp_path: Path, limit: str) -> None:
    arguments = ("convert", onnx_path, tmp_path / "out.safetensors", "--input-size", 12, 10, f"--{limit}")
    status, out, err = run(*arguments, 100)
    assert (status, out) == (2, "")
    assert limit.replace("-", "_") in err
    assert run(*arguments, 10**9)[0] == 0


def test_preprocessing_that_is_no_object(run: Run, onnx_path: Path, tmp_path: Path) -> None:
    (tmp_path / "pre.json").write_text("[]")
    arguments = (
        "convert",
        onnx_path,
        tmp_path / "out",
        "--input-size",
        "9",
        "9",
        "--preprocessing",
        tmp_path / "pre.json",
    )
    status, _, err = run(*arguments)
    assert (status, "expected a JSON object with mode, mean and std, found list" in err) == (2, True)


def test_numbers_beyond_float16(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    large = {"w": np.full((2, 3, 1, 1), 1e6, np.float32)}
    path.write_bytes(model_of([node("Conv", ["x", "w"])], large, (1, 3, 4, 4)))
    status, _, err = run("convert", path, tmp_path / "out", "--dtype", "float16")
    assert (status, "expected numbers that float16 holds" in err) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("factor", [1e-6, 1e-9, 1e6])
def test_constants_and_small_weights_stay_float32(run: Run, tmp_path: Path, factor: float) -> None:
    constants = {"w": np.full((2, 3, 1, 1), min(factor, 0.3), np.float32), "c": np.float32(1 / factor)}
    (tmp_path / "m.onnx").write_bytes(
        model_of([node("Conv", ["x", "w"], ["a"]), node("Mul", ["a", "c"])], constants, (1, 3, 4, 4))
    )
    assert run("convert", tmp_path / "m.onnx", tmp_path / "m", "--dtype", "float16")[0] == 0
    x = seeded(factor).standard_normal((4, 4, 3), dtype=np.float32)
    expected = Net.load(tmp_path / "m.onnx").run(x)
    np.testing.assert_allclose(Net.load(tmp_path / "m").run(x), expected, atol=1e-3 * np.abs(expected).max())
