"""A .keras file of a run knows its preprocessing and its classes; any other is told, or says what it lacks."""

import json
import zipfile

import keras
import pytest

from lcnn_engine import Net
from lcnn_train import RunError
from lcnn_train.cli import main
from lcnn_train.sources.keras_file import Origin, read_origin
from lcnn_train.sources.load import load_model
from tests.helpers.image_trees import SYNSETS, make_train

CONFIG = """
name: tiny
data: {dataset: folder, validation: 4}
preprocessing: {mode: RGB, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
model: {name: lenet, variant: fast, channels: 3, classes: 4}
train: {epochs: 1, batch_size: 8}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Class folders in `set`, a run on them, its model in own.keras, and as Keras saves that in foreign.keras."""
    path = tmp_path_factory.mktemp("keras_file")
    make_train(path / "set")
    (path / "tiny.yaml").write_text(CONFIG)
    assert main(["fit", str(path / "tiny.yaml"), "--data", str(path / "set"), "--run", str(path / "run")]) == 0
    assert main(["export", str(path / "run"), str(path / "own.keras")]) == 0
    keras.models.load_model(path / "own.keras").save(path / "foreign.keras")
    return path


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """A command, in that folder: its two outputs."""
    monkeypatch.chdir(folder)

    def run(*arguments, status=0):
        assert main([str(argument) for argument in arguments]) == status
        return capsys.readouterr()

    return run


def test_labels_and_preprocessing_travel(folder, call):
    out = call("export", "own.keras", "own.safetensors", "--verify", 2, "--data", "set").out
    call("export", "run", "direct.safetensors")
    assert "--labels" not in out
    assert (folder / "own.safetensors").read_bytes() == (folder / "direct.safetensors").read_bytes()
    assert Net.load("own.safetensors").labels == SYNSETS
    evaluated = call("evaluate", "own.keras", "--data", "set", "--part", "train").out
    assert evaluated == call("evaluate", "run", "--data", "set", "--part", "train").out
    assert read_origin(folder / "own.keras").config.data.folder is None


def test_a_file_of_labels_comes_first(folder, call):
    (folder / "names.txt").write_text("\ufeffcat\nrocket\n\ncup\nChelsea\u2019s astronaut\n", encoding="utf-8")
    names = ["cat", "rocket", "cup", "Chelsea\u2019s astronaut"]
    call("export", "own.keras", "named.safetensors", "--labels", "names.txt")
    assert Net.load("named.safetensors").labels == names
    call("export", "run", "named.keras", "--labels", "names.txt")
    assert list(load_model(folder / "named.keras").labels) == names
    (folder / "names.txt").write_text("cat\nrocket\n")
    error = call("export", "own.keras", "b.safetensors", "--labels", "names.txt", status=2).err
    assert "labels: expected 4 of them" in error
    (folder / "names.txt").write_bytes(b"\xff\xfe\0")
    error = call("export", "own.keras", "b.safetensors", "--labels", "names.txt", status=2).err
    assert "names.txt: expected names of classes in UTF-8, one a line" in error
    assert not (folder / "b.safetensors").exists()


def test_what_is_not_known_is_said(folder, call):
    out = call("export", "foreign.keras", "foreign.safetensors").out
    assert "classes go by their numbers; --labels FILE names them" in out
    assert "takes arrays only, for how images are prepared is not known; --config says it" in out
    assert Net.load("foreign.safetensors").labels is None
    assert "needs --config" in call("evaluate", "foreign.keras", "--data", "set", status=2).err
    assert read_origin(folder / "foreign.keras") == Origin()


def test_a_model_that_resizes_images_itself_takes_them(folder, call):
    net = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Resizing(24, 20), *net])
    model.save(folder / "resizing.keras")
    assert "takes arrays only" not in call("export", "resizing.keras", "resizing.safetensors").out
    assert Net.load("resizing.safetensors").graph.preprocessing.resize.size == (24, 20)


@pytest.mark.parametrize(
    "member",
    [
        "{",
        "[]",
        '{"config": null}',
        '{"config": {"name": "a", "trian": 1}, "labels": null}',
        " " * (2**24 + 1),
        "[" * 10**5,
    ],
    ids=["cut", "list", "no labels", "unknown key", "huge", "deep"],
)
def test_a_damaged_origin_is_an_error(member, tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lcnn.json", member)
    with pytest.raises(RunError, match=r"a\.keras: expected lcnn\.json in it to be what lcnn-train export wrote"):
        read_origin(path)


def test_an_origin_without_a_configuration(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lcnn.json", json.dumps({"config": None, "labels": ["a", "b"]}))
    assert read_origin(path) == Origin(labels=("a", "b"))


def test_a_damaged_file_is_an_error(tmp_path):
    """Whatever is damaged: Keras passes on what zipfile, json, h5py and its layers raise."""
    whole, path = tmp_path / "whole.keras", tmp_path / "a.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]).save(whole)
    data = whole.read_bytes()
    with zipfile.ZipFile(whole) as archive:
        read = [archive.getinfo(name) for name in ("config.json", "model.weights.h5")]
        starts = [member.header_offset + 30 + len(member.filename) for member in read]
    for damaged in (
        *(data[:place] for place in (0, 40, len(data) // 2, len(data) - 30)),
        *(data[:start] + b"\xff" * 8 + data[start + 8 :] for start in starts),
    ):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=r"a\.keras: not a \.keras file that can be loaded") as error:
            load_model(path)
        assert "\n" not in str(error.value)


def test_a_damaged_member_is_an_error(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lcnn.json", '{"config": null, "labels": null}')
    data = bytearray(path.read_bytes())
    for place, value in ((45, 0), (data.index(b"PK\1\2") + 10, 99), (data.index(b"PK\1\2") + 8, 1)):
        path.write_bytes(data[:place] + bytes([value]) + data[place + 1 :])
        with pytest.raises(RunError, match=r"a\.keras: expected lcnn\.json"):
            read_origin(path)
