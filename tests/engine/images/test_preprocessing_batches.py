"""What ``predict`` takes for what: an image, preprocessed input, a batch of either, or nothing that it can use."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.images.preprocessing import as_batch, to_input
from lcnn_engine.model.graph import Preprocessing, Resize
from tests.helpers.preprocessed import COLOUR, GREY, RNG, SHAPE, encoded, pixels


def test_floats_are_preprocessed_already() -> None:
    x = RNG.standard_normal((8, 6, 1)).astype(np.float32)
    for preprocessing in (GREY, None):
        for single in (x, x[..., 0], x.astype(">f4")):
            batch, alone = as_batch(single, SHAPE, preprocessing)
            assert alone
            assert batch.dtype == np.float32
            np.testing.assert_array_equal(batch, x[None])
        many = np.stack([x, -x, 2 * x])
        for several in (many, many[..., 0], list(many), tuple(many[..., 0]), [x, -x[..., 0], 2 * x]):
            batch, alone = as_batch(several, SHAPE, preprocessing)
            assert not alone
            np.testing.assert_array_equal(batch, many)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_other_widths_are_cast(dtype: type) -> None:
    x = (RNG.standard_normal((8, 6, 3)) * 100).astype(dtype)
    batch, _ = as_batch(x, (8, 6, 3), None)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[0], x.astype(np.float32))


def test_values_are_the_engines_to_judge() -> None:
    x = np.full((8, 6, 1), np.nan)
    x[0, 0] = 1e300
    with np.errstate(all="raise"):
        batch, _ = as_batch(x, SHAPE, None)
    assert np.isinf(batch[0, 0, 0, 0])
    assert np.isnan(batch[0, 1:]).all()


def test_vectors() -> None:
    x = np.arange(12, dtype=np.float32)
    batch, alone = as_batch(x, (12,), None)
    assert alone
    np.testing.assert_array_equal(batch, x[None])
    batch, alone = as_batch(x.reshape(3, 4), (4,), None)
    assert not alone
    assert batch.shape == (3, 4)
    with pytest.raises(InputError, match=r"expected preprocessed input of shape \(4,\), or a batch of it, got float32"):
        as_batch(x, (4,), None)


def test_a_batch_of_one_is_a_batch() -> None:
    for one in (np.zeros((1, 8, 6, 1)), np.zeros((1, 8, 6)), [np.zeros((8, 6))], pixels(1, 8, 6, 1), pixels(1, 8, 6)):
        batch, alone = as_batch(one, SHAPE, GREY)
        assert not alone
        assert batch.shape == (1, 8, 6, 1)


def test_every_image_kind_alone(tmp_path: Path) -> None:
    x = pixels(11, 9)
    path = tmp_path / "x.png"
    path.write_bytes(encoded(x))
    expected = to_input(x, GREY, SHAPE)
    for image in (x, x[..., None], np.dstack([x] * 3), path, str(path), encoded(x), Image.fromarray(x)):
        batch, alone = as_batch(image, SHAPE, GREY)
        assert alone
        np.testing.assert_array_equal(batch, expected[None])


def test_batches_of_images() -> None:
    for shape in ((4, 11, 9), (4, 11, 9, 1), (4, 11, 9, 3), (4, 11, 9, 4), (3, 11, 2), (4, 3, 5)):
        x = pixels(*shape)
        batch, alone = as_batch(x, SHAPE, GREY)
        assert not alone
        np.testing.assert_array_equal(batch, np.stack([to_input(one, GREY, SHAPE) for one in x]))


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((3, 8, 8), r"channels come first, turn it by x.transpose\(1, 2, 0\)"),
        ((1, 8, 8), r"x.transpose\(1, 2, 0\)"),
        ((2, 3, 8, 6), r"x.transpose\(0, 2, 3, 1\)"),
        ((28, 28, 5), r"a batch of grey images has the shape \(N, H, W, 1\), as x\[..., numpy.newaxis\]"),
        ((28, 28, 28), r"\(N, H, W, 1\)"),
    ],
)
def test_a_model_of_colours_takes_no_three_axes_that_may_be_channels_first(shape: tuple[int, ...], remedy: str) -> None:
    for given in (pixels(*shape), [pixels(*shape)]):
        with pytest.raises(InputError, match=r"expected uint8 images of shape .* got uint8 of shape .*" + remedy):
            as_batch(given, (8, 6, 3), COLOUR)


def test_preprocessed_input_with_channels_first_is_told_how_to_turn() -> None:
    for shape, axes in (((3, 8, 6), "1, 2, 0"), ((2, 3, 8, 6), "0, 2, 3, 1")):
        with pytest.raises(InputError, match=rf"got float32 of shape .*x.transpose\({axes}\)"):
            as_batch(np.zeros(shape, np.float32), (8, 6, 3), COLOUR)


def test_greys_with_their_axis_are_a_batch_for_a_model_of_colours() -> None:
    p = Preprocessing(mode="RGB", mean=(0,) * 3, std=(1,) * 3, resize=Resize("exact", (8, 6), "box"))
    batch, alone = as_batch(pixels(3, 8, 8, 1), (8, 6, 3), p)
    assert not alone
    assert batch.shape == (3, 8, 6, 3)


@pytest.mark.parametrize("shape", [(11, 9, 1), (11, 9, 3), (11, 9, 4), (2, 2, 3), (1, 1, 1)])
def test_a_last_axis_of_colours_is_one_image(shape: tuple[int, ...]) -> None:
    batch, alone = as_batch(pixels(*shape), SHAPE, GREY)
    assert alone
    assert batch.shape == (1, *SHAPE)


def test_a_list_may_mix_kinds(tmp_path: Path) -> None:
    x, ready = pixels(11, 9), RNG.standard_normal((8, 6)).astype(np.float32)
    path = tmp_path / "x.png"
    path.write_bytes(encoded(x))
    expected = to_input(x, GREY, SHAPE)
    batch, alone = as_batch([x, ready, path, encoded(x), Image.fromarray(x), np.dstack([x] * 3)], SHAPE, GREY)
    assert not alone
    np.testing.assert_array_equal(batch, [expected, ready[..., None], expected, expected, expected, expected])


@pytest.mark.parametrize(
    "nothing",
    [
        [],
        (),
        iter(()),
        range(0),
        np.array([], dtype=object),
        np.zeros((0, 8, 6, 1)),
        np.zeros((0, 8, 6)),
        np.zeros((0, 8, 6), np.uint8),
    ],
)
def test_an_empty_batch(nothing: Any) -> None:
    with pytest.raises(InputError, match="expected at least one input, got an "):
        as_batch(nothing, SHAPE, GREY)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, bool, complex, np.longdouble, object, "U3"])
def test_arrays_of_other_types(dtype: Any) -> None:
    x = np.zeros((8, 6, 1), dtype=dtype)
    for given in (x, [x]):
        with pytest.raises(InputError, match=r"expected a float16, .* got .* of shape \(8, 6, 1\); convert it"):
            as_batch(given, SHAPE, GREY)


@pytest.mark.parametrize("shape", [(), (8,), (6, 8), (8, 6, 3), (6, 8, 1), (2, 8, 5), (2, 6, 8, 1), (1, 2, 8, 6, 1)])
def test_floats_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"of shape \(8, 6, 1\) or \(8, 6\), or a batch of it, got float32 of shape"):
        as_batch(np.zeros(shape, np.float32), SHAPE, GREY)


def test_greys_have_no_channel_axis_only_where_the_model_takes_one() -> None:
    with pytest.raises(InputError, match=r"of shape \(8, 6, 3\), or a batch of it, got float32 of shape \(8, 6\)"):
        as_batch(np.zeros((8, 6), np.float32), (8, 6, 3), COLOUR)


@pytest.mark.parametrize("shape", [(), (8,), (2, 8, 6, 2), (1, 2, 8, 6, 3)])
def test_images_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected uint8 images of shape .* got uint8 of shape"):
        as_batch(np.zeros(shape, np.uint8), SHAPE, GREY)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (None, "open it"),
        (3, "numpy.asarray"),
        (1.5, "numpy.asarray"),
        ({"a.png"}, r"make a list of its items with list\(\)"),
    ],
)
def test_values_that_are_no_input(value: Any, remedy: str) -> None:
    for preprocessing in (GREY, None):
        for given in (value, [value]):
            with pytest.raises(InputError, match=f"expected a path, .*, got {type(value).__name__}; .*{remedy}"):
                as_batch(given, SHAPE, preprocessing)


class Tensor:
    """What other libraries' arrays have in common."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.values.dtype == np.int8:
            raise TypeError("lies in a GPU")
        return self.values


def test_what_has_an_array_is_that_array() -> None:
    ready, image = RNG.standard_normal((8, 6, 1)).astype(np.float32), pixels(11, 9)
    for given in (ready, image, np.stack([ready] * 2), np.stack([image] * 3)):
        expected, alone = as_batch(given, SHAPE, GREY)
        found, found_alone = as_batch(Tensor(given), SHAPE, GREY)
        np.testing.assert_array_equal(found, expected)
        assert found_alone == alone
    np.testing.assert_array_equal(as_batch([Tensor(ready), ready], SHAPE, GREY)[0], [ready, ready])
    with pytest.raises(
        InputError, match="expected a Tensor that NumPy can take, got TypeError: lies in a GPU; make it"
    ):
        as_batch(Tensor(np.zeros((8, 6), np.int8)), SHAPE, GREY)
    with pytest.raises(InputError, match=r"of shape \(8, 6, 1\) .* got float32 of shape \(\)"):
        as_batch(np.float32(1), SHAPE, GREY)


def test_any_iterable_is_a_batch(tmp_path: Path) -> None:
    images = [pixels(11, 9), pixels(7, 5)]
    for i, image in enumerate(images):
        (tmp_path / f"{i}.png").write_bytes(encoded(image))
    expected, _ = as_batch(images, SHAPE, GREY)
    paths = sorted(tmp_path.glob("*.png"))
    for given in (
        iter(images), (image for image in images), deque(images), dict(enumerate(images)).values(), iter(paths),
        np.array([str(path) for path in paths]), np.array(paths, dtype=object), map(io.BytesIO, map(encoded, images)),
    ):  # fmt: skip
        batch, alone = as_batch(given, SHAPE, GREY)
        assert not alone
        np.testing.assert_array_equal(batch, expected)
    assert as_batch(tmp_path.glob("*.png"), SHAPE, GREY)[0].shape == (2, *SHAPE)
    with pytest.raises(InputError, match=r"^input 1: 3 bytes: expected a whole image"):
        as_batch(iter([images[0], b"bad"]), SHAPE, GREY)
    with pytest.raises(InputError, match=r"got dict; make a list of its items"):
        as_batch({"a": images[0]}, SHAPE, GREY)


def test_a_file_is_one_image_though_it_can_be_iterated(tmp_path: Path) -> None:
    x = pixels(11, 9)
    path = tmp_path / "x.png"
    path.write_bytes(encoded(x))
    with path.open("rb") as file:
        batch, alone = as_batch(file, SHAPE, GREY)
    assert alone
    np.testing.assert_array_equal(batch, as_batch(x, SHAPE, GREY)[0])


def test_a_batch_inside_a_list() -> None:
    for inner in ([[0.0, 1.0]], np.zeros((2, 8, 6, 1), np.float32), pixels(5, 8, 6)):
        with pytest.raises(InputError, match="input 1 of 2: expected"):
            as_batch([np.zeros((8, 6)), inner], SHAPE, GREY)


def test_the_bad_one_of_many_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="input 2 of 3: 3 bytes: expected a whole image"):
        as_batch([pixels(8, 6), pixels(8, 6), b"bad"], SHAPE, GREY)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        as_batch([pixels(8, 6), tmp_path / "nowhere.png"], SHAPE, GREY)


@pytest.mark.parametrize("image", ["x.png", Path("x.png"), b"x", Image.new("L", (8, 6)), np.zeros((8, 6), np.uint8)])
def test_a_model_without_preprocessing_takes_no_images(image: Any) -> None:
    message = r"expected a float array of shape \(8, 6, 1\), as this model does not say .*; preprocess it yourself"
    for given in (image, [image]):
        with pytest.raises(InputError, match=message):
            as_batch(given, SHAPE, None)


def test_many_threads_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(encoded(pixels(300, 200)))
    expected = to_input(path, GREY, SHAPE)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(as_batch(path, SHAPE, GREY)[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(one, expected[None]) for one in found)


def test_arrays_go_through_without_pillow(tmp_path: Path) -> None:
    program = """if True:
        import sys, numpy as np
        from lcnn_engine.images.preprocessing import as_batch
        as_batch(np.zeros((2, 8, 6, 1), np.float32), (8, 6, 1), None)
        sys.exit("PIL" in sys.modules)"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=tmp_path)
