"""The ONNX file gives the engine's probabilities in ONNX Runtime, and D and P are two convolutions in it."""

import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from lcnn_engine import Net
from lcnn_train import ExportError, LookupConv2D, LookupDense, export
from lcnn_train.cli import main
from lcnn_train.export.onnx import export_onnx
from lcnn_train.models import build
from tests.helpers.training import DATA, calm_classifier, randomize

WEIGHTS = DATA.parent.parent / "weights" / "mnist-alexnet-lcnn-fast.safetensors"
PNGS = sorted((DATA / "digits").glob("*.png"))[:4]


def run(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def operations(path):
    """The ONNX nodes with weights: (name, kind)."""
    kinds = ("Conv", "Gemm")
    return [(node.name, node.op_type) for node in onnx.load(path).graph.node if node.op_type in kinds]


def test_a_keras_model(tmp_path, digits):
    model = build("lenet", variant="fast")
    randomize(model, 0.2)
    export(model, tmp_path / "m.safetensors")
    export_onnx(model, tmp_path / "network.onnx")
    onnx.checker.check_model(tmp_path / "network.onnx", full_check=True)
    x = digits.images[:8, ..., None].astype(np.float32) / 255
    found = run(tmp_path / "network.onnx", x)
    assert np.abs(found - Net.load(tmp_path / "m.safetensors").run(x)).max() <= 1e-5
    assert np.abs(found - model.predict(x, verbose=0)).max() <= 1e-5
    assert found.std(axis=0).max() > 1e-3
    assert operations(tmp_path / "network.onnx") == [
        (name, kind)
        for layer, kind in (("conv1", "Conv"), ("conv2", "Conv"), ("fc1", "Conv"), ("fc2", "Gemm"))
        for name in ((f"{layer}_dictionary", layer) if layer != "fc2" else (layer,))
    ]


def test_a_residual_network(tmp_path, digits):
    """Sums of branches, shortcuts, a padded pool and a global mean: engine, Keras and ONNX Runtime."""
    model = build("resnet10", variant="fast", channels=1, classes=10, input_size=32)
    randomize(model, 0.05)
    x = np.pad(digits.images[:4, ..., None].astype(np.float32) / 255, ((0, 0), (2, 2), (2, 2), (0, 0)))
    calm_classifier(model, x)
    export(model, tmp_path / "m.safetensors")
    export_onnx(model, tmp_path / "network.onnx")
    found = run(tmp_path / "network.onnx", x)
    assert np.abs(found - Net.load(tmp_path / "m.safetensors").run(x)).max() <= 1e-5
    assert np.abs(found - model.predict(x, verbose=0)).max() <= 1e-5
    assert found.std(axis=0).max() > 1e-3


def test_every_kind_of_lookup_layer(tmp_path):
    """Strides, uneven padding, dilation, a dense layer, no dictionary, and a name that is taken."""
    image = keras.Input((9, 8, 3), name="image")
    x = LookupConv2D(5, (3, 2), 4, strides=(2, 1), padding=(0, 2, 1, 0), activation="relu", name="a")(image)
    x = LookupConv2D(6, 3, 2, padding="same", dilation_rate=2, name="b")(x)
    x = keras.layers.Conv2D(4, 1, name="b_dictionary")(x)
    x = LookupConv2D(4, 3, None, padding="same", use_bias=False, name="pruned")(x)
    x = LookupDense(7, 3, activation="tanh", name="c")(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Softmax(name="d")(x))
    randomize(model, 0.4)
    export_onnx(model, tmp_path / "network.onnx", batch=3)
    x = np.random.default_rng(1).standard_normal((3, 9, 8, 3), dtype=np.float32)
    assert np.abs(run(tmp_path / "network.onnx", x) - model.predict(x, verbose=0)).max() <= 1e-5
    names = [name for name, _ in operations(tmp_path / "network.onnx")]
    assert names == ["a_dictionary", "a", "b_dictionary_", "b", "b_dictionary", "pruned", "c_dictionary", "c"]


def test_the_shipped_model_from_the_command_line(tmp_path, capsys):
    """Of its file, with its rounded weights: the probabilities of real digits."""
    path = tmp_path / "network.onnx"
    assert main(["export", str(WEIGHTS), str(path)]) == 0
    assert f"{path.stat().st_size:,} bytes" in capsys.readouterr().out
    net = Net.load(WEIGHTS)
    from lcnn_engine.images.preprocessing import as_batch

    x, _ = as_batch([str(png) for png in PNGS], net.input_shape, net.graph.preprocessing)
    expected = net.run(x)
    assert np.abs(run(path, x) - expected).max() <= 1e-5
    assert [int(p.stem[-1]) for p in PNGS] == np.argmax(expected, axis=1).tolist()


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "lcnn_engine.interop.onnx", raising=False)
    with pytest.raises(ExportError, match="needs the package onnx: pip install onnx"):
        export_onnx(build("lenet"), tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_too_large_for_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr("lcnn_engine.interop.onnx.MAX_FILE_BYTES", 1000)
    with pytest.raises(ExportError, match=r"network.onnx: expected at most 1,000 bytes of weights, .*, found \d"):
        export_onnx(build("lenet"), tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_what_is_no_model(tmp_path, capsys):
    assert main(["export", str(tmp_path / "none.safetensors"), str(tmp_path / "network.onnx")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    assert main(["export", str(WEIGHTS), str(tmp_path / "copy.safetensors")]) == 2
    assert "a model file can only become .onnx" in capsys.readouterr().err
    assert main(["export", str(WEIGHTS), str(tmp_path / "network.onnx"), "--verify", "3"]) == 2
    assert "--verify is for a .safetensors output" in capsys.readouterr().err
    assert main(["export", str(WEIGHTS), str(tmp_path / "network.txt")]) == 2
    assert "ends in .safetensors, .keras or .onnx" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
