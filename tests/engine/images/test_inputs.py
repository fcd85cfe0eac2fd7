"""What the commands run on: images, noise, arrays of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import InputError
from lcnn_engine.images.inputs import inputs, read_arrays
from lcnn_engine.images.preprocessing import normalize
from tests.helpers.networks import small_classifier

GRAPH = small_classifier()[0]


def test_noise_is_seeded_and_as_wide_as_pixels_are() -> None:
    noise = inputs(GRAPH, [])
    assert (noise.dtype, noise.shape) == (np.float32, (1, 20, 17, 3))
    assert np.array_equal(noise, inputs(GRAPH, []))
    ends = normalize(np.array([[[0] * 3, [255] * 3]], np.uint8), GRAPH.preprocessing)
    assert ends.min() <= noise.min() < noise.max() <= ends.max()


def test_noise_of_a_model_without_preprocessing_is_normal() -> None:
    noise = inputs(replace(GRAPH, preprocessing=None), [])
    assert noise.shape == (1, 20, 17, 3)
    assert abs(float(noise.mean())) < 0.1
    assert abs(float(noise.std()) - 1) < 0.1


def test_images_come_as_a_batch(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for path in paths:
        Image.new("RGB", (25, 30)).save(path)
    assert inputs(GRAPH, paths).shape == (3, 20, 17, 3)


def test_arrays_of_a_file(tmp_path: Path) -> None:
    arrays = np.arange(24.0).reshape(2, 2, 2, 3)
    np.save(tmp_path / "a.npy", arrays)
    found = read_arrays(tmp_path / "a.npy", 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, arrays)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 2, 2, 1), np.float32), r"N = 2, got float32 of shape \(3, 2, 2, 1\)"),
        (np.zeros((2, 2, 2, 1), np.uint8), r"array of floats .* got uint8 of shape"),
        (np.zeros((2, 0, 2, 1)), r"got float64 of shape \(2, 0, 2, 1\)"),
        (np.array([{}]), "expected what numpy.save wrote of an array, got "),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        read_arrays(tmp_path / "a.npy", 2)


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    """A shape that is larger than the file, no file of arrays, an empty one, several arrays."""
    np.save(tmp_path / "a.npy", np.zeros((2, 2, 2, 1)))
    whole = (tmp_path / "a.npy").read_bytes()
    for data in (whole[:-1], whole.replace(b"(2, 2, 2, 1)", b"(2, 2, 2, 9)"), b"no array", b""):
        (tmp_path / "b.npy").write_bytes(data)
        with pytest.raises(InputError, match=r"expected what numpy\.save wrote of an array"):
            read_arrays(tmp_path / "b.npy")
    np.savez(tmp_path / "c.npz", np.zeros(3), np.zeros(3))
    with pytest.raises(InputError, match="got several"):
        read_arrays(tmp_path / "c.npz")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npy")
