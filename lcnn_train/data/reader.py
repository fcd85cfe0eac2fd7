"""Reading images as pixels, from many threads."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np

from lcnn_engine.errors import InputError
from lcnn_engine.images.decoding import ImageLike, open_image
from lcnn_engine.images.preprocessing import to_pixels
from lcnn_engine.model.graph import MODES, Preprocessing, Shape
from lcnn_train.data.images import Images


class Reader:
    """An image's number -> its pixels, (H, W, C), or None where it cannot be read, which is noted in `skipped`.

    With a `shape`, pixels are resized and cut to it as for prediction, and of `dtype`: uint8, or float32 by filters
    that do not round. Without one they are uint8 and have the image's own size.
    Pixels of a `shape` are kept once read if those of all images fit into `cache` MiB.
    """

    def __init__(self, images: Images, preprocessing: Preprocessing, shape: Shape | None, cache: int = 0):
        self.images, self.preprocessing, self.shape = images, preprocessing, shape
        self.channels = MODES[preprocessing.mode]
        self.dtype = np.dtype(np.uint8 if preprocessing.is_rounded else np.float32)
        fits = shape is not None and len(images) * math.prod(shape) * self.dtype.itemsize <= cache * 2**20
        # The system gives an array of zeros its memory page by page, as images come.
        self._kept = np.zeros((len(images), *shape), self.dtype) if shape is not None and fits else None
        self._is_kept = np.zeros(len(images), bool)

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
            image = self.images.read(index)
            if self.shape is not None:
                return to_pixels(image, self.preprocessing, self.shape)
            opened = open_image(image, self.preprocessing.mode)
            return np.array(opened).reshape(opened.height, opened.width, self.channels)
        except (InputError, OSError) as error:
            self.images.skipped.add(self.images.name(index), error)
            return None


def first_readable(images: Images, preprocessing: Preprocessing, count: int) -> list[ImageLike]:
    """Find the first `count` images that can be read, or as many as there are."""
    reader = Reader(images, preprocessing, None)
    readable = (images.read(index) for index in range(len(images)) if reader(index) is not None)
    return list(islice(readable, count))
