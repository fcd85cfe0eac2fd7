"""Random changes of one training picture, a uint8 (H, W, C) tensor of any size; the same seed gives the same picture.

Each function draws from its own `seed`, an int pair, and nothing else: what a picture becomes is a function of
(the run's seed, epoch, position in the epoch), however many threads or workers there are and wherever a run resumes.
Their settings, with what they mean, are in settings.py. Sizes are changed by Pillow with the filter of the
preprocessing, as they are in prediction: tf.image's resizing gives other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from lcnn_engine.graph import Preprocessing, Shape
from lcnn_engine.preprocessing import resized_shape

Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def augmentation(steps: Sequence[Any], preprocessing: Preprocessing, input_shape: Shape) -> Change:
    """All `steps` of a configuration's `augment` section as one function (image, seed) -> image.

    If `resize` is among them the picture comes as it was decoded, and leaves with `input_shape`; otherwise it comes
    with `input_shape` and keeps it.
    """
    changes = [change_of(step, preprocessing, input_shape) for step in steps]
    resizes = begins_unresized(steps)

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        if changes:
            seeds = tf.unstack(tf.random.split(seed, len(changes)))
            for one, own in zip(changes, seeds, strict=True):
                image = one(image, own)
        if resizes:
            image = center_crop(image, input_shape[0], input_shape[1])
        return tf.ensure_shape(image, input_shape)

    return change


def begins_unresized(steps: Sequence[Any]) -> bool:
    """Whether the list says itself where pictures are resized."""
    return any(step.name == "resize" for step in steps)


def change_of(step: Any, preprocessing: Preprocessing, input_shape: Shape) -> Change:
    """One step as a function (image, seed) -> image, its probability included."""
    if step.name == "resize":
        return lambda image, seed: resize(image, preprocessing)
    if step.name == "random_crop":
        return lambda image, seed: random_crop(image, seed, input_shape[0], input_shape[1])
    if step.name == "one_of":
        choices = [change_of(choice, preprocessing, input_shape) for choice in step.choices]
        return sometimes(lambda image, seed: one_of(image, seed, choices), step.probability)
    settings = step.model_dump(exclude={"name", "probability"})
    if step.name == "random_resize":
        settings["resample"] = preprocessing.resize.resample if preprocessing.resize else "bilinear"
    function = FUNCTIONS[step.name]
    return sometimes(lambda image, seed: function(image, seed, **settings), step.probability)


def sometimes(change: Change, probability: float) -> Change:
    """`change` made with a probability, of which neither 0 nor 1 costs a draw."""
    if probability == 1:
        return change
    if probability == 0:
        return lambda image, seed: image

    def changed(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        draw, own = tf.unstack(tf.random.split(seed, 2))
        return tf.cond(tf.random.stateless_uniform((), draw) < probability, lambda: change(image, own), lambda: image)

    return changed


def one_of(image: tf.Tensor, seed: tf.Tensor, choices: Sequence[Change]) -> tf.Tensor:
    """One of several changes that keep the size, each as likely."""
    draw, own = tf.unstack(tf.random.split(seed, 2))
    chosen = tf.random.stateless_uniform((), draw, 0, len(choices), tf.int32)
    shape = image.shape
    return tf.ensure_shape(tf.switch_case(chosen, [lambda c=c: c(image, own) for c in choices]), shape)


# ---------------------------------------------------------------------------------------------------- size and place


def resize(image: tf.Tensor, preprocessing: Preprocessing) -> tf.Tensor:
    """Resized as the preprocessing says: to the bit what prediction does with the same pixels."""
    rule = preprocessing.resize
    if rule is None:
        return image

    def resized(pixels: np.ndarray) -> np.ndarray:
        return _resized(pixels, *resized_shape(pixels.shape[0], pixels.shape[1], rule), rule.resample)

    return _shaped(tf.numpy_function(resized, [image], tf.uint8), image)


def random_resize(
    image: tf.Tensor, seed: tf.Tensor, factor: Sequence[float], stretch: float, resample: str = "bilinear"
) -> tf.Tensor:
    """Height by a factor drawn from a range, width by one of that range within `stretch` of the height's."""
    low, high = factor
    down, across = tf.unstack(tf.random.stateless_uniform((2,), seed))
    y = low + down * (high - low)
    least, most = tf.maximum(low, y * (1 - stretch)), tf.minimum(high, y * (1 + stretch))
    x = least + across * (most - least)
    size = tf.cast(tf.shape(image)[:2], tf.float32) * tf.stack([y, x])
    height, width = tf.unstack(tf.maximum(1, tf.cast(tf.round(size), tf.int32)))
    resized = tf.numpy_function(lambda p, h, w: _resized(p, h, w, resample), [image, height, width], tf.uint8)
    return _shaped(resized, image)


def _resized(pixels: np.ndarray, height: int, width: int, resample: str) -> np.ndarray:
    resized = _image(pixels).resize((int(width), int(height)), Image.Resampling[resample.upper()])
    return np.asarray(resized).reshape(resized.height, resized.width, pixels.shape[2])


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _shaped(image: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """numpy_function cannot tell the shape of what Python returns."""
    return tf.ensure_shape(image, (None, None, like.shape[2]))


def rotate_crop(image: tf.Tensor, seed: tf.Tensor, degrees: float) -> tf.Tensor:
    """Turned by up to `degrees` to either side, bilinear, and cut to the largest upright rectangle inside it."""
    limit = math.radians(degrees)
    angle = tf.random.stateless_uniform((), seed, -limit, limit)
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    inside = tf.maximum(1, tf.cast(tf.floor(inscribed(shape[0], shape[1], angle)), tf.int32))
    return _transform(image, tf.cos(angle), tf.sin(angle), 0.0, 0.0, inside)


def inscribed(height: tf.Tensor, width: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Height and width of the largest upright rectangle within one of `height` by `width` that is turned by `angle`.

    Where the picture is long and thin, two of its corners touch the long edges only; else all four touch an edge.
    """
    sin, cos = tf.abs(tf.sin(angle)), tf.abs(tf.cos(angle))
    long, short = tf.maximum(height, width), tf.minimum(height, width)
    thin = short * (1 - 1e-4) <= 2 * sin * cos * long  # both agree at the bound, where `double` is 0 in a square
    double = tf.where(thin, 1.0, cos * cos - sin * sin)
    along = tf.where(thin, short / (2 * tf.maximum(sin, 1e-9)), (long * cos - short * sin) / double)
    across = tf.where(thin, short / (2 * cos), (short * cos - long * sin) / double)
    return tf.where(width >= height, tf.stack([across, along]), tf.stack([along, across]))


def affine(image: tf.Tensor, seed: tf.Tensor, rotate: float, scale: Sequence[float], shift: float) -> tf.Tensor:
    """Turned by up to `rotate` degrees, scaled, and shifted by up to a share of the side, about the middle, bilinear.

    The size stays; what comes in from outside is black.
    """
    turn, grow, right, down = tf.unstack(tf.random.stateless_uniform((4,), seed))
    angle = (2 * turn - 1) * math.radians(rotate)
    factor = scale[0] + grow * (scale[1] - scale[0])
    size = tf.shape(image)[:2]
    height, width = tf.unstack(tf.cast(size, tf.float32))
    dx, dy = (2 * right - 1) * shift * width, (2 * down - 1) * shift * height
    moved = _transform(image, tf.cos(angle) / factor, tf.sin(angle) / factor, dx, dy, size)
    return tf.ensure_shape(moved, image.shape)


def _transform(image: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor, dx: Any, dy: Any, size: tf.Tensor) -> tf.Tensor:
    """The pixel at (x, y) from the middle of the output, which has `size`, is that of the input at
    (cos (x - dx) - sin (y - dy), sin (x - dx) + cos (y - dy)) from the input's middle; black where there is none.

    By Pillow, bilinear: 4.9 ms for 480x350 colours on one core, where ImageProjectiveTransformV3 takes 7.7.
    """
    before, after = tf.cast(tf.shape(image)[:2], tf.float32) / 2, tf.cast(size, tf.float32) / 2
    mx, my = after[1] + dx, after[0] + dy
    x0, y0 = before[1] - cos * mx + sin * my, before[0] - sin * mx - cos * my
    return _shaped(tf.numpy_function(_moved, [image, size, tf.stack([cos, -sin, x0, sin, cos, y0])], tf.uint8), image)


def _moved(pixels: np.ndarray, size: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    height, width = map(int, size)
    matrix = tuple(map(float, coefficients))
    moved = _image(pixels).transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(moved).reshape(height, width, pixels.shape[2])


def random_crop(image: tf.Tensor, seed: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """A part of (height, width), every place as likely."""
    return tf.image.stateless_random_crop(image, (height, width, image.shape[2]), seed)


def center_crop(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The part of (height, width) in the middle, at the offsets of MODEL_FORMAT.md: half of what is over, floored."""
    size = tf.shape(image)
    return tf.image.crop_to_bounding_box(image, (size[0] - height) // 2, (size[1] - width) // 2, height, width)


def flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Left and right exchanged; whether, is `sometimes`' to draw."""
    return tf.image.flip_left_right(image)


# ---------------------------------------------------------------------------------------------------- values


def salt_and_pepper(image: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """A `share` of the pixels, in all channels, turned black or white, each as likely.

    By NumPy, which draws the few places: TensorFlow would draw a number for every pixel, in five times the time.
    """

    def changed(pixels: np.ndarray, seed: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(seed.astype(np.uint64))
        places = pixels.copy().reshape(-1, pixels.shape[2])
        black, white = rng.multinomial(len(places), [share / 2, share / 2, 1 - share])[:2]
        drawn = rng.choice(len(places), black + white, replace=False)
        places[drawn[:black]] = 0
        places[drawn[black:]] = 255
        return places.reshape(pixels.shape)

    return tf.ensure_shape(tf.numpy_function(changed, [image, seed], tf.uint8), image.shape)


def brightness_contrast(
    image: tf.Tensor, seed: tf.Tensor, brightness: Sequence[float], contrast: Sequence[float]
) -> tf.Tensor:
    """All values times one factor, and their distances from the mean of their channel times another.

    Either order gives the same, so there is none to draw. Values beyond 0 and 255 become these.
    """
    bright, far = tf.unstack(tf.random.stateless_uniform((2,), seed))
    image = tf.cast(image, tf.float32) * (brightness[0] + bright * (brightness[1] - brightness[0]))
    image = tf.image.adjust_contrast(image, contrast[0] + far * (contrast[1] - contrast[0]))
    return tf.cast(tf.round(tf.clip_by_value(image, 0, 255)), tf.uint8)


FUNCTIONS: dict[str, Callable[..., tf.Tensor]] = {
    function.__name__: function
    for function in (random_resize, rotate_crop, affine, salt_and_pepper, brightness_contrast, flip)
}
