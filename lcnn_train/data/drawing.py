"""One figure of what every augmentation does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lcnn_engine.images.decoding import ImageLike, open_image
from lcnn_train.config import data as settings
from lcnn_train.data import augment

_CELL = 128  # pixels of a cell's side
_LONG_EDGE = 104  # of an image before it is changed: what grows still fits
_LABEL = 190
_HEAD = 34
_BACKGROUND, _GRID, _INK, _QUIET = "#ffffff", "#e6e6e6", "#1a1a1a", "#666666"

# Each row: its title, what is said below it, and the steps. Those with a probability are made always, to be seen.
_NOISE = settings.SaltAndPepper(name="salt_and_pepper", share=0.01)
_LIGHT = settings.BrightnessContrast(name="brightness_contrast")
ROWS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("random_resize", "factors 0.8 to 1.2", (settings.RandomResize(name="random_resize"),)),
    ("rotate_crop", "15 degrees, cut inside", (settings.RotateCrop(name="rotate_crop"),)),
    (
        "affine",
        "10 degrees, 0.9 to 1.1, shift 0.1",
        (settings.Affine(name="affine", rotate=10.0, scale=[0.9, 1.1], shift=0.1),),
    ),
    ("salt_and_pepper", "1% of the pixels", (_NOISE,)),
    ("brightness_contrast", "each 0.8 to 1.2", (_LIGHT,)),
    ("one_of", "the two above", (settings.OneOf(name="one_of", choices=[_NOISE, _LIGHT]),)),
    ("pad_crop", "16 pixels, mirrored", (settings.PadCrop(name="pad_crop", pixels=16, mode="reflect"),)),
    ("cutout", "24 pixels", (settings.Cutout(name="cutout", size=24),)),
    ("flip", "of probability 0.5", (settings.Flip(name="flip"),)),
    (
        "random_crop",
        "7/8 of the short edge",
        (settings.ResizeStep(name="resize"), settings.RandomCrop(name="random_crop")),
    ),
    (
        "all of ImageNet's",
        "each as likely as there",
        (
            settings.RandomResize(name="random_resize", factor=[0.9, 1.2], probability=0.7),
            settings.RotateCrop(name="rotate_crop", probability=0.7),
            settings.OneOf(name="one_of", choices=[_NOISE, _LIGHT], probability=0.7),
            settings.Flip(name="flip"),
            settings.ResizeStep(name="resize"),
            settings.RandomCrop(name="random_crop"),
        ),
    ),
)


def draw_augmentations(images: Sequence[ImageLike], draws: int, seed: int) -> Image.Image:
    """Draw a table: a row for each augmentation, and for each image as it is a column and `draws` columns changed.

    Raises the errors of `lcnn_engine` for what is no image.
    """
    originals = [_small(image) for image in images]
    columns = len(originals) * (draws + 1)
    drawing = Image.new("RGB", (_LABEL + columns * _CELL, _HEAD + len(ROWS) * _CELL), _BACKGROUND)
    canvas = ImageDraw.Draw(drawing)
    for row, (title, below, steps) in enumerate(ROWS):
        y = _HEAD + row * _CELL
        canvas.line([(0, y), (drawing.width, y)], fill=_GRID)
        canvas.text((12, y + _CELL // 2 - 18), title, fill=_INK, font=ImageFont.load_default(16))
        canvas.text((12, y + _CELL // 2 + 4), below, fill=_QUIET, font=ImageFont.load_default(12))
        for number, original in enumerate(originals):
            changed = _changed(original, steps, draws, seed + 1000 * row)
            for column, pixels in enumerate([original, *changed]):
                _paste(drawing, pixels, _LABEL + (number * (draws + 1) + column) * _CELL, y)
    for number in range(len(originals)):
        x = _LABEL + number * (draws + 1) * _CELL
        canvas.line([(x, 0), (x, drawing.height)], fill=_GRID)
        canvas.text((x + 12, 9), "as it is", fill=_QUIET, font=ImageFont.load_default(14))
        canvas.text((x + _CELL + 12, 9), f"{draws} draws", fill=_QUIET, font=ImageFont.load_default(14))
    return drawing


def _small(image: ImageLike) -> np.ndarray:
    opened = open_image(image, "RGB")
    factor = _LONG_EDGE / max(opened.size)
    size = tuple(max(16, round(edge * factor)) for edge in opened.size)
    return np.asarray(opened.resize((size[0], size[1]), Image.Resampling.LANCZOS))


def _changed(original: np.ndarray, steps: Sequence[Any], draws: int, seed: int) -> list[np.ndarray]:
    """What steps make of an image: for a chain with a crop, in its last size; else in whatever size it got."""
    short = min(original.shape[:2])
    side = short * 7 // 8
    preprocessing = settings.Preprocessing(
        mode="RGB", size=[side, side], shortest_edge=short, mean=[0.0] * 3, std=[1.0] * 3
    ).for_engine()
    if augment.begins_unresized(steps):
        change = augment.augmentation(steps, preprocessing, (side, side, 3))
    else:
        change = augment.change_of(steps[0], preprocessing, original.shape)
    return [change(original, rng) for rng in augment.generators(seed, range(draws))]


def _paste(drawing: Image.Image, pixels: np.ndarray, x: int, y: int) -> None:
    image = Image.fromarray(pixels)
    drawing.paste(image, (x + (_CELL - image.width) // 2, y + (_CELL - image.height) // 2))
