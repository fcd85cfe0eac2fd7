"""Random changes of one training image, a uint8 (H, W, C) array of any size; equal draws give the same image.

Where the preprocessing resizes to floats, flips, crops and noise also take these.

Each function draws from the generator that it is given, and nothing else: what an image becomes is a function of
(the run's seed, epoch, position in the epoch), however many threads or workers there are and wherever a run resumes.
Their settings, with what they mean, are in config/data.py. Sizes are changed by the engine with the filter of the
preprocessing, as they are in prediction.

All is NumPy and Pillow, called where an image is read: a graph of TensorFlow operations for each image took 240 us
of a 28x28 one, of which the change itself was 32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from lcnn_engine.images.preprocessing import resized
from lcnn_engine.model.graph import Preprocessing, Resize, Shape

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def generators(seed: int, positions: Iterable[int]) -> Iterator[np.random.Generator]:
    """Give what the changes of each image are drawn from; `positions` number the images of a whole run.

    One generator, moved from position to position, each of which has 2^64 numbers: to make one takes 14 us, to move it
    2.
    """
    bits = np.random.Philox(key=seed)
    rng, start = np.random.Generator(bits), bits.state
    for position in positions:
        start["state"]["counter"] = np.array([0, position, 0, 0], np.uint64)
        bits.state = start
        yield rng


def augmentation(steps: Sequence[Any], preprocessing: Preprocessing, input_shape: Shape) -> Change:
    """Join all `steps` of a configuration's `augment` section in one function (image, generator) -> image.

    If `resize` is among them the image comes as it was decoded, and leaves with `input_shape`; otherwise it comes
    with `input_shape` and keeps it.
    """
    changes = [change_of(step, preprocessing, input_shape) for step in steps]
    resizes = begins_unresized(steps)

    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for one in changes:
            image = one(image, rng)
        return center_crop(image, input_shape[0], input_shape[1]) if resizes else image

    return change


def begins_unresized(steps: Sequence[Any]) -> bool:
    """Tell whether the list says itself where images are resized."""
    return any(step.name == "resize" for step in steps)


def change_of(step: Any, preprocessing: Preprocessing, input_shape: Shape) -> Change:
    """Make one step a function (image, generator) -> image, its probability included."""
    if step.name == "resize":
        return lambda image, rng: resize(image, preprocessing)
    if step.name == "random_crop":
        return lambda image, rng: random_crop(image, rng, input_shape[0], input_shape[1])
    if step.name == "one_of":
        choices = [change_of(choice, preprocessing, input_shape) for choice in step.choices]
        return sometimes(lambda image, rng: one_of(image, rng, choices), step.probability)
    settings = step.model_dump(exclude={"name", "probability"})
    if step.name == "random_resize":
        settings["rule"] = preprocessing.resize
    function = FUNCTIONS[step.name]
    return sometimes(lambda image, rng: function(image, rng, **settings), step.probability)


def sometimes(change: Change, probability: float) -> Change:
    """Make `change` with a probability, of which neither 0 nor 1 costs a draw."""
    if probability == 1:
        return change
    if probability == 0:
        return lambda image, rng: image
    return lambda image, rng: change(image, rng) if rng.random() < probability else image


def one_of(image: np.ndarray, rng: np.random.Generator, choices: Sequence[Change]) -> np.ndarray:
    """Make one of several changes, each as likely."""
    return choices[int(rng.integers(len(choices)))](image, rng)


# ---------------------------------------------------------------------------------------------------- size and position


def resize(image: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Resize as the preprocessing says: to the bit what prediction does with the same pixels."""
    rule = preprocessing.resize
    return image if rule is None else resized(image, rule)


def random_resize(
    image: np.ndarray, rng: np.random.Generator, factor: Sequence[float], stretch: float, rule: Resize | None = None
) -> np.ndarray:
    """Scale height by a factor drawn from a range, width by one of that range within `stretch` of the height's.

    By the filter of a `rule` of resizing (bilinear unless given), and rounded to 8 bits.
    """
    low, high = factor
    y = rng.uniform(low, high)
    x = rng.uniform(max(low, y * (1 - stretch)), min(high, y * (1 + stretch)))
    size = max(1, round(image.shape[0] * y)), max(1, round(image.shape[1] * x))
    resample, antialias = (rule.resample, rule.antialias) if rule else ("bilinear", True)
    made = resized(image, Resize("exact", size, resample, antialias))
    return made if made.dtype == np.uint8 else np.rint(made).clip(0, 255).astype(np.uint8)


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).reshape(image.height, image.width, len(image.getbands()))


def rotate_crop(image: np.ndarray, rng: np.random.Generator, degrees: float) -> np.ndarray:
    """Turn by up to `degrees` to either side, bilinear, and cut to the largest upright rectangle inside it."""
    angle = math.radians(rng.uniform(-degrees, degrees))
    height, width = inscribed(image.shape[0], image.shape[1], angle)
    inside = max(1, math.floor(height)), max(1, math.floor(width))
    return _transform(image, math.cos(angle), math.sin(angle), 0.0, 0.0, inside)


def inscribed(height: float, width: float, angle: float) -> tuple[float, float]:
    """Find the largest upright rectangle, height and width, within one of `height` by `width` turned by `angle`.

    Where the image is long and thin, two of its corners touch the long edges only; else all four touch an edge.
    """
    sin, cos = abs(math.sin(angle)), abs(math.cos(angle))
    long, short = max(height, width), min(height, width)
    if short * (1 - 1e-4) <= 2 * sin * cos * long:  # both agree at the bound, where `double` is 0 in a square
        along, across = short / (2 * sin), short / (2 * cos)
    else:
        double = cos * cos - sin * sin
        along, across = (long * cos - short * sin) / double, (short * cos - long * sin) / double
    return (across, along) if width >= height else (along, across)


def affine(
    image: np.ndarray, rng: np.random.Generator, rotate: float, scale: Sequence[float], shift: float
) -> np.ndarray:
    """Turn by up to `rotate` degrees, scale, and shift by up to a share of the side, about the middle, bilinear.

    The size stays; what comes in from outside is black.
    """
    turn, grow, right, down = rng.random(4)
    angle = (2 * turn - 1) * math.radians(rotate)
    factor = scale[0] + grow * (scale[1] - scale[0])
    height, width = image.shape[:2]
    dx, dy = (2 * right - 1) * shift * width, (2 * down - 1) * shift * height
    return _transform(image, math.cos(angle) / factor, math.sin(angle) / factor, dx, dy, (height, width))


def _transform(image: np.ndarray, cos: float, sin: float, dx: float, dy: float, size: tuple[int, int]) -> np.ndarray:
    """The pixel at (x, y) from the middle of the output, of `size` (height, width), is that of the input at
    (cos (x - dx) - sin (y - dy), sin (x - dx) + cos (y - dy)) from the input's middle; black where there is none.

    By Pillow, bilinear: 4.9 ms for 480x350 colours on one core, where ImageProjectiveTransformV3 takes 7.7.
    """
    mx, my = size[1] / 2 + dx, size[0] / 2 + dy
    x0 = image.shape[1] / 2 - cos * mx + sin * my
    y0 = image.shape[0] / 2 - sin * mx - cos * my
    matrix = (cos, -sin, x0, sin, cos, y0)
    moved = _image(image).transform(size[::-1], Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return _pixels(moved)


def random_crop(image: np.ndarray, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cut out a part of (height, width), every position as likely."""
    top, left = (int(rng.integers(more + 1)) for more in (image.shape[0] - height, image.shape[1] - width))
    return image[top : top + height, left : left + width]


def center_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut out the middle (height, width), at the offsets of MODEL_FORMAT.md: half of what is over, floored."""
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exchange left and right; whether, is `sometimes`' to draw."""
    return image[:, ::-1]


# ---------------------------------------------------------------------------------------------------- values


def salt_and_pepper(image: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Turn a `share` of the pixels, in all channels, black or white, each as likely."""
    flat = image.reshape(-1, image.shape[2]).copy()
    black, white = rng.multinomial(len(flat), [share / 2, share / 2, 1 - share])[:2]
    drawn = rng.choice(len(flat), black + white, replace=False)
    flat[drawn[:black]] = 0
    flat[drawn[black:]] = 255
    return flat.reshape(image.shape)


def brightness_contrast(
    image: np.ndarray, rng: np.random.Generator, brightness: Sequence[float], contrast: Sequence[float]
) -> np.ndarray:
    """Multiply all values by one factor, and their distances from the mean of their channel by another.

    Either order gives the same, so there is none to draw. Values beyond 0 and 255 become these. A value becomes the
    same everywhere in a channel, so 256 of each are calculated.
    """
    bright, far = (rng.uniform(low, high) for low, high in (brightness, contrast))
    whole, values = _image(image), np.arange(256.0)
    counts = np.array(whole.histogram()).reshape(-1, 256)
    mean = counts @ values / counts.sum(axis=1)
    table = bright * (mean[:, None] + far * (values - mean[:, None]))
    return _pixels(whole.point(np.rint(table.clip(0, 255)).astype(int).ravel().tolist()))


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    function.__name__: function
    for function in (random_resize, rotate_crop, affine, salt_and_pepper, brightness_contrast, flip)
}
