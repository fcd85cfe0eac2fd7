"""Reading pictures as pixels, from many threads."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np

from lcnn_engine.errors import InputError
from lcnn_engine.images.decoding import Picture, open_picture
from lcnn_engine.images.preprocessing import to_pixels
from lcnn_engine.model.graph import MODES, Preprocessing, Shape
from lcnn_train.data.images import Pictures


class Reader:
    """A picture's number -> its pixels, uint8 (H, W, C), or None where it cannot be read, which is noted in `skipped`.

    With a `shape`, pixels are resized and cut to it as for prediction; without one they have the picture's own size.
    Pixels of a `shape` are kept once read if those of all pictures fit into `cache` MiB.
    """

    def __init__(self, pictures: Pictures, preprocessing: Preprocessing, shape: Shape | None, cache: int = 0):
        self.pictures, self.preprocessing, self.shape = pictures, preprocessing, shape
        self.channels = MODES[preprocessing.mode]
        fits = shape is not None and len(pictures) * math.prod(shape) <= cache * 2**20
        # The system gives an array of zeros its memory page by page, as pictures come.
        self._kept = np.zeros((len(pictures), *shape), np.uint8) if shape is not None and fits else None
        self._is_kept = np.zeros(len(pictures), bool)

    def __call__(self, index: int) -> np.ndarray | None:
        if self._kept is None:
            return self._read(index)
        if not self._is_kept[index]:
            pixels = self._read(index)
            if pixels is None:
                return None
            self._kept[index] = pixels
            self._is_kept[index] = True  # only now: other threads look
        return self._kept[index]

    def _read(self, index: int) -> np.ndarray | None:
        try:
            picture = self.pictures.read(index)
            if self.shape is not None:
                return to_pixels(picture, self.preprocessing, self.shape)
            image = open_picture(picture, self.preprocessing.mode)
            return np.array(image).reshape(image.height, image.width, self.channels)
        except (InputError, OSError) as error:
            self.pictures.skipped.add(self.pictures.name(index), error)
            return None


def first_readable(pictures: Pictures, preprocessing: Preprocessing, count: int) -> list[Picture]:
    """The first `count` pictures that can be read, or as many as there are."""
    reader = Reader(pictures, preprocessing, None)
    readable = (pictures.read(index) for index in range(len(pictures)) if reader(index) is not None)
    return list(islice(readable, count))
