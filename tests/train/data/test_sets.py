"""Which data set is meant where none is named, and the test share of one without parts."""

from pathlib import Path

import numpy as np
import pytest

from lcnn_train.cli import main
from lcnn_train.config.data import Data
from lcnn_train.data import idx
from lcnn_train.data.sets import infer, load
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


def share_of(folder, part, **settings):
    return load(Data(dataset="folder", folder=str(folder), test_share=0.2, **settings), part)


def pictures(folder: Path, **counts: int) -> Path:
    """Class folders with so many empty files each: nothing here opens one."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.png").touch()
    return folder


class TestTestShare:
    """A share of each class is the test part of class folders that have none."""

    def test_each_class_gives_its_share_and_the_seed_says_which(self, tmp_path):
        folder = pictures(tmp_path / "all", cat=20, dog=11, emu=2)
        train, test = share_of(folder, "train"), share_of(folder, "test")
        assert np.bincount(test.labels).tolist() == [4, 2]
        assert sorted(train.files + test.files) == sorted(
            load(Data(dataset="folder", folder=str(folder)), "train").files
        )
        assert test.classes == train.classes == ("cat", "dog", "emu")
        assert share_of(folder, "test").files == test.files
        assert share_of(folder, "test", test_seed=1).files != test.files

    def test_a_class_keeps_an_image(self, tmp_path):
        folder = pictures(tmp_path / "all", cat=1, dog=9)
        data = Data(dataset="folder", folder=str(folder), test_share=0.99)
        assert np.bincount(load(data, "train").labels).tolist() == [1, 1]

    def test_parts_that_are_there_already(self, tmp_path):
        with pytest.raises(
            DataError, match=r"without parts for data\.test_share; found train, val\. Set data\.test_share=0"
        ):
            share_of(class_folders(tmp_path, "train", "val"), "train")

    def test_a_share_that_is_no_image(self, tmp_path):
        with pytest.raises(DataError, match=r"share that is an image of some class; found 0\.2 of at most 2 images"):
            share_of(pictures(tmp_path / "few", cat=2, dog=1), "test")


class TestClasses:
    """Only some classes, numbered in the order in which they are named."""

    def of(self, *classes: int):
        return load(Data(dataset="mnist", folder=str(SMALL), classes=list(classes)), "train")

    def test_images_labels_and_names(self):
        whole, some = idx.load("mnist", "train", SMALL), self.of(7, 2)
        assert some.classes == ("7", "2")
        for number, digit in enumerate((7, 2)):
            np.testing.assert_array_equal(some.images[some.labels == number], whole.images[whole.labels == digit])
        assert len(some) == np.isin(whole.labels, (7, 2)).sum()

    @pytest.mark.parametrize("classes", [(3, 3), (2, 10)])
    def test_classes_that_there_are_not(self, classes):
        with pytest.raises(
            DataError, match=r"data\.classes: expected different numbers below 10, the classes of .*found"
        ):
            self.of(*classes)
