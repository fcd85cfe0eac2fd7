"""`lcnn-train verify` of .keras files and runs: 0 where a file is the model's, 1 where it is not, 2 for bad input."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from lcnn_engine import read_model, write_model
from lcnn_engine.images.preprocessing import as_batch
from lcnn_train import LookupConv2D, export
from tests.helpers.commands import run
from tests.helpers.training import randomize

PREPROCESSING = {
    "mode": "RGB",
    "resize": {"policy": "exact", "size": [12, 12], "resample": "bilinear"},
    "scale": 1 / 255,
    "mean": [0.5] * 3,
    "std": [0.25] * 3,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a model, its two files, a bare one, and two images with what training made of them."""
    folder = tmp_path_factory.mktemp("verify")
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            LookupConv2D(4, 3, 3, name="second"),
            layers.Flatten(name="flatten"),
            layers.Dense(5, "softmax", name="last"),
        ]
    )
    randomize(model, 0.5)
    model.save(folder / "m.keras")
    export(model, folder / "m.safetensors", preprocessing=PREPROCESSING)
    export(model, folder / "half.safetensors", preprocessing=PREPROCESSING, dtype="float16")
    export(model, folder / "bare.safetensors")
    rng = np.random.default_rng(1)
    images = [folder / "a.png", folder / "b.png"]
    for path in images:
        Image.fromarray(rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)).save(path)
    graph = read_model(folder / "m.safetensors")[0]
    np.save(folder / "inputs.npy", as_batch(images, graph.input.shape, graph.preprocessing)[0] + np.float32(0.125))
    return folder


@pytest.mark.parametrize("name", ["m.safetensors", "bare.safetensors"])
def test_on_noise(name, files, capsys):
    status, out, error = run(capsys, "verify", files / "m.keras", files / name)
    assert (status, error) == (0, "")
    names = [line.split()[0] for line in out.splitlines()]
    assert names == ["first", "second", "flatten", "last_logits", "last"]
    assert all("(Keras' own" in line for line in out.splitlines())


def test_float16_and_the_whole_way(files, capsys):
    command = ["verify", files / "m.keras", files / "half.safetensors", files / "a.png", files / "b.png"]
    status, out, _ = run(capsys, *command, "--inputs", files / "inputs.npy")
    assert status == 0
    assert "float16 in the file moves the output by " in out
    assert "beside the training pipeline: inputs differ by up to 0.12, outputs by " in out
    assert "of 2 with the same answer" in out


def test_a_file_of_other_weights(files, tmp_path, capsys):
    graph, tensors = read_model(files / "m.safetensors")
    tensors["first/kernel"].flat[3] *= np.float32(1.5)
    write_model(graph, tensors, tmp_path / "other.safetensors")
    status, out, error = run(capsys, "verify", files / "m.keras", tmp_path / "other.safetensors")
    assert (status, out) == (1, "")
    assert "first/kernel is not what this model holds; export it again" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.keras", "m.safetensors"], "expected a run folder or a .keras file, found nothing"),
        (["m.keras", "none.safetensors"], "none.safetensors: No such file"),
        (["m.keras", "m.keras"], "m.keras: "),
        (["m.keras", "m.safetensors", "none.png"], "none.png: No such file"),
        (["m.keras", "bare.safetensors", "a.png"], "does not say how to preprocess images"),
        (["m.keras", "m.safetensors", "--inputs", "inputs.npy"], "expected the images, too"),
        (["m.keras", "m.safetensors", "a.png", "--inputs", "inputs.npy"], "N = 1, got float32 of shape (2, 12, 12, 3)"),
    ],
)
def test_bad_input(arguments, message, files, capsys, monkeypatch):
    monkeypatch.chdir(files)
    status, out, error = run(capsys, "verify", *arguments)
    assert (status, out) == (2, "")
    assert message in error


def test_a_model_that_cannot_be_exported(files, tmp_path, capsys):
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Conv2D(4, 3), layers.GaussianNoise(0.1)])
    model = keras.Model(model.inputs, keras.ops.cumsum(model.outputs[0], axis=1))
    model.save(tmp_path / "a.keras")
    status, _, error = run(capsys, "verify", tmp_path / "a.keras", files / "m.safetensors")
    assert status == 2
    assert "Cumsum" in error or "cumsum" in error
