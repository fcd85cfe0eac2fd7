"""`lcnn-train data`, `pack`, `augmentations` and `evaluate`, on class folders and what is packed of them."""

import csv

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import Net
from lcnn_train import cli, export
from lcnn_train.config.experiment import parse_config
from lcnn_train.data.folder import read_folder
from lcnn_train.data.records import read_records
from lcnn_train.sources.evaluate import evaluate_file, evaluate_keras
from tests.helpers.image_trees import SYNSETS, WORDS, make_kit, make_train, make_val
from tests.helpers.training import DATA, SMALL

CONFIG = """
name: tiny
data: {dataset: imagenet, validation: 4}
preprocessing: {mode: RGB, shortest_edge: 32, mean: [128.0, 128.0, 128.0], std: [64.0, 64.0, 64.0], scale: 1.0}
augment: [{name: flip}]
model: {name: lenet, variant: dense, channels: 3, classes: 4}
train: {batch_size: 4}
"""


TRAINED = """
name: tiny
data: {dataset: imagenet, validation: 16}
preprocessing: {mode: RGB, shortest_edge: 32, mean: [128.0, 128.0, 128.0], std: [64.0, 64.0, 64.0], scale: 1.0}
augment:
  - {name: random_resize, probability: 0.5}
  - {name: rotate_crop}
  - {name: flip}
  - {name: resize}
  - {name: random_crop}
model: {name: lenet, variant: fast, channels: 3, classes: 4, l1: 0.1}
train: {batch_size: 16, epochs: 4, learning_rate: {schedule: constant, initial: 0.01}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a configuration and ImageNet in `set`, and the images of it that cannot be read."""
    folder = tmp_path_factory.mktemp("commands")
    unreadable = make_train(folder / "set")
    make_kit(folder / "set", make_val(folder / "set"))
    (folder / "tiny.yaml").write_text(CONFIG)
    return folder, unreadable


def run(capsys, *arguments):
    status = cli.main([str(argument) for argument in arguments])
    out, error = capsys.readouterr()
    return status, out, error


def test_data_lists_and_times(made, capsys):
    folder, unreadable = made
    status, out, _ = run(capsys, "data", folder / "tiny.yaml", "--data", folder / "set", "--seconds", 0.3)
    assert status == 0
    assert "24 images, 4 classes, 6 of each" in out
    assert "4 of them are held out" in out
    assert out.count("images a second") == 2
    assert all(name in out for name in unreadable)


def test_a_scan_names_what_cannot_be_read(made, capsys):
    folder, unreadable = made
    status, out, _ = run(capsys, "data", folder / "tiny.yaml", "--data", folder / "set", "--scan")
    assert status == 1
    assert all(out.count(name) == 1 for name in unreadable)
    assert "2 of 24 images cannot be read" in out
    status, out, _ = run(capsys, "data", folder / "tiny.yaml", "--data", folder / "set", "--scan", "--part", "test")
    assert status == 0
    assert "10 images, 4 classes, from 2 of" in out
    assert "every image can be read" in out


def test_pack(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    status, out, _ = run(capsys, "pack", made[0] / "set", tmp_path / "out", "--shards", 2)
    assert status == 0
    assert "22 images in 2 files, from train-00000-of-00002 on" in out
    assert "skipped 2 images" in out
    assert len(read_records(tmp_path / "out", "train")) == 22
    status, _, error = run(capsys, "pack", made[0] / "set", tmp_path / "out")
    assert status == 2
    assert "expected no train files yet" in error
    status, out, _ = run(capsys, "pack", SMALL, tmp_path / "digits", "--dataset", "mnist", "--part", "test")
    assert "50 images in 1 file, from validation-00000-of-00001 on" in out


def test_bad_input_has_status_2(made, tmp_path, capsys):
    for arguments, message in (
        (("data", made[0] / "tiny.yaml"), "--data FOLDER"),
        (("data", made[0] / "tiny.yaml", "--data", tmp_path), "expected class folders"),
        (("pack", tmp_path / "none", tmp_path / "out"), "found nothing"),
        (("augmentations", tmp_path / "a.png", tmp_path / "none.png"), "none.png"),
        (("augmentations", tmp_path / "a.png", made[0] / "tiny.yaml"), "expected a whole image"),
        (("augmentations", tmp_path / "no" / "a.png", DATA / "pictures" / "cat.jpg"), "no"),
    ):
        status, out, error = run(capsys, *arguments)
        assert status == 2, error
        assert out == ""
        assert message in error
        assert error.count("\n") == 1


def test_augmentations_are_drawn(tmp_path, capsys):
    output = tmp_path / "drawn.png"
    arguments = ["augmentations", output, DATA / "pictures" / "cat.jpg", "--draws", 2]
    assert run(capsys, *arguments)[0] == 0
    drawn = np.asarray(Image.open(output))
    assert run(capsys, *arguments)[0] == 0
    np.testing.assert_array_equal(drawn, np.asarray(Image.open(output)))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 1000


@pytest.fixture(scope="module")
def exported(made):
    """A network with fresh weights that takes the middle of an image, in Keras and as a file."""
    config = parse_config(
        {
            "name": "tiny",
            "preprocessing": {
                "mode": "RGB", "shortest_edge": 32, "mean": [128.0] * 3, "std": [64.0] * 3, "scale": 1.0
            },
            "model": {"name": "lenet", "variant": "dense", "channels": 3, "classes": 4},
        },
        "here",
    )  # fmt: skip
    model = config.model.build()
    path = made[0] / "tiny.safetensors"
    export(model, path, preprocessing=config.preprocessing.for_file())
    return config, model, path


def test_keras_and_the_engine_agree_on_shortest_edge_and_crop(made, exported):
    config, model, path = exported
    train = read_folder(made[0] / "set", "train")
    by_keras = evaluate_keras(model, train, config.preprocessing.for_engine())
    by_engine = evaluate_file(path, read_folder(made[0] / "set", "train"), threads=1)
    for name in ("predicted", "labels", "numbers", "in_top"):
        np.testing.assert_array_equal(getattr(by_keras, name), getattr(by_engine, name))
    assert len(by_keras.numbers) == 22
    assert by_keras.top5 == 1.0
    assert "skipped 2 images that cannot be read" in str(by_keras)
    net = Net.load(path, threads=1)
    given = [int(np.argmax(net.predict(train.read(i)))) for i in by_engine.numbers]
    np.testing.assert_array_equal(by_engine.predicted, given)


def test_labels_beyond_the_model(made, exported):
    train = read_folder(made[0] / "set", "train")
    config = parse_config({"name": "a", "model": {"name": "lenet", "variant": "dense", "classes": 3}}, "here")
    with pytest.raises(ValueError, match=r"labels below the model's 3 classes; found 3 \(astronaut, spaceman\)"):
        evaluate_keras(config.model.build(), train, config.preprocessing.for_engine())


def test_imagenet_is_trained_end_to_end(tmp_path, capsys, monkeypatch):
    """Training accuracy rises from chance, 0.25, to at least 0.7, and the file tells the classes by their words."""
    monkeypatch.chdir(tmp_path)
    make_train(tmp_path / "set", 30)
    make_kit(tmp_path / "set", make_val(tmp_path / "set", 20))
    (tmp_path / "tiny.yaml").write_text(TRAINED)
    status, out, error = run(capsys, "fit", "tiny.yaml", "--data", "set")
    assert status == 0, error
    assert "skipped 2 images that cannot be read: set/train/n02123045/n02123045_1.JPEG" in out
    with (tmp_path / "runs" / "tiny" / "log.csv").open(newline="") as file:
        assert float(list(csv.DictReader(file))[-1]["accuracy"]) > 0.7
    assert run(capsys, "export", "runs/tiny", "tiny.safetensors")[0] == 0
    assert Net.load("tiny.safetensors").labels == [WORDS[synset] for synset in SYNSETS]
    by_engine = run(capsys, "evaluate", "tiny.safetensors", "--dataset", "imagenet", "--data", "set")
    assert by_engine == run(capsys, "evaluate", "runs/tiny", "--data", "set")
    assert "of 20 images wrong" in by_engine[1]
