"""`lcnn-train data` on class folders, bad input of commands for data, and a training on an ImageNet of its own."""

import csv

import pytest

from lcnn_engine import Net
from tests.helpers.commands import run
from tests.helpers.image_trees import SYNSETS, WORDS, make_kit, make_train, make_val
from tests.helpers.training import DATA

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


@pytest.mark.parametrize(("classes", "message"), [(10, "expected the model's 10 classes; found 4: "), (2, "below the")])
def test_a_model_of_more_or_fewer_classes_than_there_are_is_not_trained(classes, message, made, tmp_path, capsys):
    """It would be exported without their names."""
    folder = made[0]
    arguments = ("fit", folder / "tiny.yaml", "--data", folder / "set", "--run", tmp_path / "run")
    status, _, error = run(capsys, *arguments, "--set", f"model.classes={classes}")
    assert status == 2
    assert message in error
    assert error.endswith("Set model.classes=4\n")
    assert not list(tmp_path.rglob("*.safetensors"))


def test_bad_input_has_status_2(made, tmp_path, capsys):
    for arguments, message in (
        (("data", made[0] / "tiny.yaml"), "--data FOLDER"),
        (("data", made[0] / "tiny.yaml", "--data", tmp_path), "expected class folders"),
        (("pack", tmp_path / "none", tmp_path / "out"), "found nothing"),
        (("augmentations", tmp_path / "a.png", tmp_path / "none.png"), "none.png"),
        (("augmentations", tmp_path / "a.png", made[0] / "tiny.yaml"), "expected a whole"),
        (("augmentations", tmp_path / "no" / "a.png", DATA / "pictures" / "cat.jpg"), "no"),
    ):
        status, out, error = run(capsys, *arguments)
        assert status == 2, error
        assert out == ""
        assert message in error
        assert error.count("\n") == 1


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
