"""Rules of preprocessing, and images for them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lcnn_engine.model.graph import Preprocessing, Resize

RNG = np.random.default_rng(1)
GREY = Preprocessing(mode="L", mean=(0.13,), std=(0.31,), scale=1 / 255, resize=Resize("exact", (8, 6), "bilinear"))
COLOUR = Preprocessing(mode="RGB", mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
SHAPE = (8, 6, 1)


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def encoded(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()
