"""Class folders: ImageNet as it is unpacked, Tiny-ImageNet, any other; their lists; and what is wrong with them."""

import re
import shutil

import numpy as np
import pytest
from scipy.io import savemat

from lcnn_train import DataError
from lcnn_train.config.data import Data
from lcnn_train.data import folder as class_folders
from lcnn_train.data.folder import read_folder
from lcnn_train.data.sets import load
from tests.helpers.image_trees import NUMBERS, SYNSETS, WORDS, make_kit, make_tiny, make_train, make_val, part_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An ImageNet with its development kit, and the synset of each validation image."""
    folder = tmp_path_factory.mktemp("imagenet")
    make_train(folder)
    of_each = make_val(folder)
    make_kit(folder, of_each)
    return folder, of_each


@pytest.fixture
def imagenet(made, tmp_path):
    """A copy of it, to be damaged."""
    shutil.copytree(made[0], tmp_path / "set")
    return tmp_path / "set", made[1]


def kit(folder):
    return folder / "ILSVRC2012_devkit_t12" / "data"


def test_imagenet(made):
    folder, of_each = made
    train, test = (load(Data(dataset="imagenet", folder=str(folder)), part) for part in ("train", "test"))
    assert train.synsets == test.synsets == tuple(SYNSETS)
    assert train.classes == tuple(WORDS[synset] for synset in SYNSETS)
    assert np.bincount(train.labels).tolist() == [6] * 4
    assert all(f"/{train.synsets[label]}/" in train.read(i) for i, label in enumerate(train.labels))
    assert [test.synsets[label] for label in test.labels] == of_each
    assert [test.read(i)[-13:] for i in range(10)] == [f"{i:08d}.JPEG" for i in range(1, 11)]


def val_in_class_folders(folder, of_each):
    for number, synset in enumerate(of_each, 1):
        (folder / "val" / synset).mkdir(exist_ok=True)
        name = f"ILSVRC2012_val_{number:08d}.JPEG"
        (folder / "val" / name).rename(folder / "val" / synset / name)


def synset_list(folder, of_each):
    (folder / "imagenet_2012_validation_synset_labels.txt").write_text("\n".join(of_each) + "\n")


def kaggle(folder, of_each):
    rows = [f"ILSVRC2012_val_{n:08d},{synset} 85 1 499 272 " for n, synset in enumerate(of_each, 1)]
    (folder / "LOC_val_solution.csv").write_text("\n".join(["ImageId,PredictionString", *reversed(rows)]))


def caffe(folder, of_each):
    rows = [f"ILSVRC2012_val_{n:08d}.JPEG {SYNSETS.index(synset)}\n" for n, synset in enumerate(of_each, 1)]
    (folder / "val.txt").write_text("".join(rows))


@pytest.mark.parametrize("way", [val_in_class_folders, synset_list, kaggle, caffe])
def test_other_ways_to_tell_the_classes_of_validation_images(imagenet, way):
    folder, of_each = imagenet
    shutil.rmtree(folder / "ILSVRC2012_devkit_t12")
    way(folder, of_each)
    test = read_folder(folder, "test")
    found = {test.read(i)[-13:]: test.synsets[label] for i, label in enumerate(test.labels)}
    assert found == {f"{i:08d}.JPEG": synset for i, synset in enumerate(of_each, 1)}
    assert test.classes == tuple(SYNSETS)


def test_validation_alone(imagenet):
    folder, of_each = imagenet
    shutil.rmtree(folder / "train")
    test = read_folder(folder, "test")
    assert [test.synsets[label] for label in test.labels] == of_each
    assert test.synsets == tuple(SYNSETS)


def test_tiny_imagenet(tmp_path):
    make_tiny(tmp_path)
    train, test = (read_folder(tmp_path, part) for part in ("train", "test"))
    assert np.bincount(train.labels).tolist() == [3] * 4
    assert train.classes == test.classes == tuple(WORDS[synset] for synset in SYNSETS)
    assert test.labels.tolist() == [3, 2, 1, 0, 3, 2, 1, 0]


def test_class_folders_without_parts_are_for_training(tmp_path):
    for name in ("dog", "Cat", "cat"):
        (tmp_path / name).mkdir()
        part_of(SYNSETS[0], 1).save(tmp_path / name / "a.PNG")
        (tmp_path / name / "notes.txt").write_text("not an image")
        (tmp_path / name / ".hidden.png").write_text("nor this")
    (tmp_path / ".cache").mkdir()
    train = read_folder(tmp_path, "train")
    assert train.classes == ("Cat", "cat", "dog")
    assert len(train) == 3
    with pytest.raises(DataError, match=r"expected images to test on, in a folder val or test; found .*Cat, cat, dog"):
        read_folder(tmp_path, "test")


def test_take(made):
    train = read_folder(made[0], "train")
    some = train.take(np.array([7, 2]))
    assert [some.read(0), some.read(1)] == [train.read(7), train.read(2)]
    assert some.labels.tolist() == [1, 0]
    assert some.skipped is train.skipped


def empty_class(folder):
    shutil.rmtree(folder / "train" / SYNSETS[1])
    (folder / "train" / SYNSETS[1]).mkdir()


def no_classes(folder):
    shutil.rmtree(folder / "train")
    (folder / "train").mkdir()


def no_list(folder):
    shutil.rmtree(folder / "ILSVRC2012_devkit_t12")


def ground_truth(*lines):
    def write(folder):
        (kit(folder) / "ILSVRC2012_validation_ground_truth.txt").write_text("\n".join(lines))

    return write


def meta_of_another_kind(folder):
    savemat(kit(folder) / "meta.mat", {"other": np.zeros(3)})


def lost_meta(folder):
    (kit(folder) / "meta.mat").unlink()


def damaged_meta(folder):
    path = kit(folder) / "meta.mat"
    path.write_bytes(path.read_bytes()[:200])


def not_text(folder):
    no_list(folder)
    (folder / "val.txt").write_bytes(b"\xff\xfe\0")


def annotations(text):
    def write(folder):
        (folder / "val" / "val_annotations.txt").write_text(text)

    return write


def unknown_class(folder):
    (folder / "val" / "n99").mkdir()
    part_of(SYNSETS[0], 1).save(folder / "val" / "n99" / "a.png")


def twice(folder):
    (folder / "train" / (SYNSETS[0] + " ")).mkdir()


EVERY = [f"ILSVRC2012_val_{n:08d}.JPEG {SYNSETS[0]} 1 2 3 4" for n in range(1, 11)]


WRONG = {
    "empty class": (
        "train",
        empty_class,
        rf"expected images in every class folder; found none in 1 of 4: {SYNSETS[1]}",
    ),
    "no class folders": ("train", no_classes, "expected class folders or images; found an empty folder"),
    "a class twice": ("train", twice, f"expected every class once; found '{SYNSETS[0]}' and '{SYNSETS[0]} '"),
    "no list": ("test", no_list, r"a list of the classes of its 10 images, one of val_annotations.txt, LOC_val"),
    "shorter list": ("test", ground_truth("1", "2"), "each of 10 images; found 2 lines"),
    "longer list": ("test", ground_truth(*["1"] * 11), "expected a line for each of 10 images; found 11 lines"),
    "not numbers": ("test", ground_truth(*["1"] * 9, "x"), "expected a number; found 'x' in line 10"),
    "a number without synset": (
        "test",
        ground_truth(*["1"] * 9, "9"),
        r"numbers that .*meta.mat has; found 9 in line 10",
    ),
    "class of no training image": (
        "test",
        ground_truth(*["1"] * 9, "1001"),
        "expected the classes of .*train; found others too: n00001740",
    ),
    "no meta.mat": ("test", lost_meta, "expected meta.mat of the development kit beside it"),
    "another meta.mat": ("test", meta_of_another_kind, "expected the development kit's meta.mat, with synsets"),
    "damaged meta.mat": ("test", damaged_meta, "expected the development kit's meta.mat, with synsets"),
    "images without class": (
        "test",
        annotations("\n".join(EVERY[:8])),
        "found none of 2: ILSVRC2012_val_00000009.JPEG",
    ),
    "classes without image": (
        "test",
        annotations("\n".join([*EVERY, "more.JPEG n1"])),
        "found 11 lines, 1 of them of images that are not there",
    ),
    "an image twice": (
        "test",
        annotations("\n".join([*EVERY, EVERY[0]])),
        "expected every name once; found .*001.JPEG again in line 11",
    ),
    "half a line": (
        "test",
        annotations("a.JPEG\n"),
        "expected a file and its synset in every line; found 'a.JPEG' in line 1",
    ),
    "not text": ("test", not_text, "expected a list in UTF-8"),
    "class unknown to training": ("test", unknown_class, "expected the classes of .*train; found others too: n99"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name, imagenet):
    part, damage, message = WRONG[name]
    folder, _ = imagenet
    damage(folder)
    with pytest.raises(DataError, match=message) as error:
        read_folder(folder, part)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_there(tmp_path):
    for data, message in (
        (Data(dataset="imagenet"), r"data.folder: expected the folder.*--data FOLDER.*image-net.org.*train/SYNSET"),
        (Data(dataset="folder"), "expected the folder of the data set folder; found none.*FOLDER/train/CLASS"),
        (
            Data(dataset="imagenet", folder=str(tmp_path / "no")),
            "no: expected the folder .* found nothing.*image-net.org",
        ),
        (Data(dataset="folder", folder=str(tmp_path)), "expected class folders, as in train/CLASS.*an empty folder"),
    ):
        with pytest.raises(DataError, match=message):
            load(data, "train")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="found a file"):
        load(Data(dataset="folder", folder=str(tmp_path / "file")), "train")
    with pytest.raises(DataError, match="expected a folder of images, found nothing"):
        read_folder(tmp_path / "none", "train")


def test_a_folder_that_cannot_be_read(imagenet, monkeypatch):
    """Root may read every folder, so the system's answer is put in."""
    real = class_folders.os.scandir

    def scandir(path):
        if str(path).endswith(SYNSETS[2]):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(class_folders.os, "scandir", scandir)
    with pytest.raises(
        DataError, match=rf"{re.escape(SYNSETS[2])}: expected a folder that can be read; found Permission"
    ):
        read_folder(imagenet[0], "train")


def test_numbers_of_the_kit_are_not_those_of_the_classes():
    """What the tests rest on: a reader that took one for the other would not pass them."""
    assert [NUMBERS[synset] - 1 for synset in SYNSETS] != list(range(4))
