"""Which data set is meant where none is named."""

from pathlib import Path

import pytest

from lcnn_train.cli import main
from lcnn_train.data import idx
from lcnn_train.data.sets import infer
from lcnn_train.errors import DataError
from tests.helpers.training import DATA, SMALL

WEIGHTS = DATA.parent.parent / "weights"
FASHION = idx.LABELS["fashion-mnist"]


def class_folders(folder: Path, *parts: str) -> str:
    for part in parts:
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
    return str(folder)


def test_what_a_folder_holds_and_the_labels_say_it(tmp_path):
    assert infer(None, None) == "mnist"
    assert infer(None, idx.LABELS["mnist"]) == "mnist"
    assert infer(None, list(FASHION)) == "fashion-mnist"
    assert infer(str(SMALL), None) == "mnist"
    assert infer(str(SMALL), FASHION) == "fashion-mnist"
    assert infer(class_folders(tmp_path / "whole", ""), None) == "folder"
    assert infer(class_folders(tmp_path / "parts", "train", "val"), idx.LABELS["mnist"]) == "folder"
    assert infer(class_folders(tmp_path / "test", "val"), ["cat", "dog"]) == "folder"
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "validation-00000-of-00001").touch()
    assert infer(str(tmp_path / "records"), None) == "folder"


def test_what_to_give_is_said_where_it_is_not_clear(tmp_path):
    with pytest.raises(DataError, match=r"classes cat, dog; found none\. .*--data FOLDER.*FOLDER/train/CLASS"):
        infer(None, ["cat", "dog"])
    with pytest.raises(DataError, match="none: expected the folder of a data set, found nothing"):
        infer(str(tmp_path / "none"), None)
    with pytest.raises(DataError, match="expected IDX files, class folders or TFRecord files; found an empty folder"):
        infer(str(tmp_path), None)
    class_folders(tmp_path, "train")
    (tmp_path / "train-images-idx3-ubyte").touch()
    with pytest.raises(DataError, match=r"found IDX files and class folders\. Say which with --dataset"):
        infer(str(tmp_path), None)


def test_evaluate_finds_class_folders_by_itself(made, capsys):
    model = str(WEIGHTS / "mnist-alexnet-lcnn-fast.safetensors")
    assert main(["evaluate", model, "--data", str(made[0] / "set")]) == 0
    assert "10 images wrong)" in capsys.readouterr().out
    assert main(["evaluate", model, "--dataset", "mnist", "--data", str(made[0] / "set")]) == 2
    assert "--dataset folder" in capsys.readouterr().err
