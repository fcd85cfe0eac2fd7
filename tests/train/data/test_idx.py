"""IDX files: real digits as they are, damaged files as errors that say what is wrong, and where data are looked for."""

import gzip
import shutil
import struct

import numpy as np
import pytest
from PIL import Image

from lcnn_train import DataError
from lcnn_train.data import idx
from tests.helpers.training import DATA, SMALL


def header(*shape, magic=b"\0\0\x08"):
    return magic + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def write_folder(folder, images, labels):
    folder.mkdir(exist_ok=True)
    (folder / "train-images-idx3-ubyte").write_bytes(header(*images.shape) + images.tobytes())
    (folder / "train-labels-idx1-ubyte").write_bytes(header(*labels.shape) + labels.tobytes())
    return folder


@pytest.fixture
def folder(tmp_path):
    images = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    return write_folder(tmp_path / "set", images, np.uint8([7, 0, 9]))


def test_real_digits():
    train, test = idx.read_folder(SMALL, "train"), idx.read_folder(SMALL, "test")
    assert train.images.shape == (200, 28, 28)
    assert test.images.shape == (50, 28, 28)
    assert set(train.labels) == set(range(10))
    assert train.images.max() == 255


def test_the_images_in_the_repository_are_digits_of_the_test_set():
    pngs = sorted((DATA / "digits").glob("*.png"))
    assert len(pngs) == 60
    labels = [int(png.stem.rsplit("_label", 1)[1]) for png in pngs]
    assert np.bincount(labels).tolist() == [6] * 10
    test = idx.read_folder(SMALL, "test")
    for png, label in zip(pngs, labels, strict=True):
        number = int(png.stem.split("_")[0])
        if number < len(test):
            np.testing.assert_array_equal(np.asarray(Image.open(png)), test.images[number])
            assert test.labels[number] == label


def test_plain_and_gzip_are_the_same(folder):
    plain = idx.read_folder(folder, "train")
    for path in list(folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = idx.read_folder(folder, "train")
    np.testing.assert_array_equal(plain.images, packed.images)
    np.testing.assert_array_equal(packed.images, np.arange(60).reshape(3, 4, 5))
    assert packed.labels.tolist() == [7, 0, 9]


def test_names_with_a_dot(folder):
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(idx.read_folder(folder, "train")) == 3


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
DAMAGE = {
    "cut short": (IMAGES, lambda data: data[:-1], r"cut short: expected 76 bytes for shape \(3, 4, 5\), found 75"),
    "cut in its header": (IMAGES, lambda data: data[:9], "cut short in its header: expected 16 bytes, found 9"),
    "bytes left over": (IMAGES, lambda data: data + b"\0", "expected 76 bytes .* found 77: bytes are left over"),
    "wrong magic": (IMAGES, lambda data: b"\x89PNG" + data, "magic number 00 00 08 .* found 89 50 4e 47"),
    "floats": (IMAGES, lambda data: b"\0\0\x0d" + data[3:], "unsigned bytes.* found 00 00 0d 03"),
    "no axes": (IMAGES, lambda data: b"\0\0\x08\0", "1 to 4 axes; found 00 00 08 00"),
    "empty": (LABELS, lambda data: b"", "found an empty file"),
    "cut gzip": (IMAGES, lambda data: gzip.compress(data)[:-9], "gzip file is cut short or damaged"),
    "damaged gzip": (IMAGES, lambda data: gzip.compress(data)[:12] + b"\xff" * 40, "gzip file is cut short or damaged"),
    "labels for images": (
        IMAGES,
        lambda data: header(3) + b"\1\2\3",
        r"expected images, 3 axes .* found shape \(3,\)",
    ),
    "images for labels": (LABELS, lambda data: header(1, 1, 1) + b"\1", r"expected labels, 1 axis .* \(1, 1, 1\)"),
    "fewer labels": (
        LABELS,
        lambda data: header(2) + b"\1\2",
        f"a label for each of the 3 images of {IMAGES}; found 2",
    ),
    "a shape beyond the file": (
        IMAGES,
        lambda data: header(2**31, 2**31, 2),
        "cut short: expected 9223372036854775824",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files(name, folder):
    file, damage, message = DAMAGE[name]
    path = folder / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message) as error:
        idx.read_folder(folder, "train")
    assert str(folder) in str(error.value)


def test_no_images(tmp_path):
    folder = write_folder(tmp_path / "set", np.zeros((0, 4, 5), np.uint8), np.zeros(0, np.uint8))
    with pytest.raises(DataError, match=r"at least one image of at least one pixel; found \(0, 4, 5\)"):
        idx.read_folder(folder, "train")


def test_missing_file_and_folder(folder, tmp_path):
    (folder / LABELS).unlink()
    with pytest.raises(DataError, match=f"expected a file {LABELS} or {LABELS}.gz; found {IMAGES}"):
        idx.read_folder(folder, "train")
    with pytest.raises(DataError, match="expected a folder with IDX files, found nothing"):
        idx.read_folder(tmp_path / "none", "train")
    with pytest.raises(DataError, match="expected a folder with IDX files, found a file"):
        idx.read_folder(folder / IMAGES, "train")
    with pytest.raises(FileNotFoundError):
        idx.read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="expected an IDX file, found a folder"):
        idx.read_idx(tmp_path)


@pytest.fixture
def _nothing_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(idx, "DEBIAN_FOLDERS", {"fashion-mnist": tmp_path / "debian"})


@pytest.mark.usefixtures("_nothing_installed")
def test_data_that_are_nowhere_say_how_to_get_them(tmp_path):
    with pytest.raises(DataError, match=r"--data FOLDER.*keras\.datasets\.mnist\.load_data\(\)") as error:
        idx.load("mnist", "train")
    assert str(tmp_path / "keras" / "datasets" / "mnist.npz") in str(error.value)
    with pytest.raises(DataError, match=r"keras\.datasets\.fashion_mnist.* or `apt install dataset-fashion-mnist`"):
        idx.load("fashion-mnist", "test")


@pytest.mark.usefixtures("_nothing_installed")
def test_data_are_found_where_keras_and_debian_put_them(tmp_path):
    shutil.copytree(SMALL, tmp_path / "debian")
    assert len(idx.load("fashion-mnist", "test")) == 50
    cache = tmp_path / "keras" / "datasets"
    shutil.copytree(SMALL, cache / "fashion-mnist")
    assert idx.load("fashion-mnist", "test").source == str(cache / "fashion-mnist")
    split = idx.read_folder(SMALL, "test")
    np.savez(cache / "mnist.npz", x_test=split.images, y_test=split.labels)
    np.testing.assert_array_equal(idx.load("mnist", "test").images, split.images)
    with pytest.raises(DataError, match="expected arrays x_train and y_train"):
        idx.load("mnist", "train")
    (cache / "mnist.npz").write_bytes(b"PK\3\4 not a zip")
    with pytest.raises(DataError, match="expected arrays x_test"):
        idx.load("mnist", "test")


@pytest.mark.usefixtures("_nothing_installed")
def test_a_named_folder_is_the_only_place(tmp_path):
    shutil.copytree(SMALL, tmp_path / "debian")
    with pytest.raises(DataError, match="found nothing"):
        idx.load("fashion-mnist", "test", tmp_path / "elsewhere")
