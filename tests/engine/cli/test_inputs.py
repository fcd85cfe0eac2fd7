"""What the commands run on where no image is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lcnn_engine.cli.inputs import inputs
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


def test_images_come_as_a_batch(images: list[Path]) -> None:
    assert inputs(GRAPH, [str(path) for path in images]).shape == (3, 20, 17, 3)
