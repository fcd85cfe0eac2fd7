"""Images -> the arrays a network takes, as the model's metadata says (MODEL_FORMAT.md, "preprocessing").

In this order: EXIF orientation; alpha dropped, 16 bits divided by 257, mode L or RGB (all in ``decoding.py``); resize;
crop; float32 ``(x * scale - mean) / std``. Training and prediction share these functions, so that both see the same
numbers. Pillow's filters resize in 8 bits, TensorFlow's give floats: so does :func:`to_pixels`, and :func:`normalize`
makes either the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set, Sized
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .decoding import MAX_PIXELS, ImageLike, is_image, is_pixel_shape, open_image
from .enlarging import enlarged_part
from .resizing import resized_part

if TYPE_CHECKING:
    from PIL import Image

    from ..model.graph import Preprocessing, Resize, Shape

__all__ = ["as_batch", "as_inputs", "normalize", "resized", "resized_shape", "to_input", "to_pixels"]

MANY_PIXELS = 2**21

Pixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.float32]"
Float32: TypeAlias = NDArray[np.float32]


# --------------------------------------------------------------------------------------------------- one image


def to_input(image: ImageLike, preprocessing: Preprocessing, input_shape: Shape) -> Float32:
    """Make an image a network's input: float32 (H, W, C), of ``input_shape``.

    ``image`` is what :func:`.decoding.open_image` takes. Raises FileNotFoundError for a missing file and InputError for
    what is no image or does not fit.
    """
    return normalize(to_pixels(image, preprocessing, input_shape), preprocessing)


def to_pixels(image: ImageLike, preprocessing: Preprocessing, input_shape: Shape) -> Pixels:
    """Take all steps but the last: upright, of the right mode, resized and cropped.

    (H, W, C), uint8; float32 where ``resize`` has one of TensorFlow's filters. Raises as :func:`to_input`.
    """
    opened = open_image(image, preprocessing.mode)
    rule = preprocessing.resize
    if rule is not None and not rule.is_rounded:
        return _unrounded(opened, rule, input_shape, preprocessing.crop is not None)
    if rule is not None:
        kept = (input_shape[0], input_shape[1]) if preprocessing.crop is not None else None
        opened = _resized(opened, rule, kept)
    if preprocessing.crop is not None:
        opened = _cropped(opened, input_shape[0], input_shape[1])
    pixels = np.array(opened).reshape(opened.height, opened.width, -1)
    _check_fits(pixels.shape, input_shape)
    return pixels


def _check_fits(shape: Shape, input_shape: Shape) -> None:
    if tuple(shape) != tuple(input_shape):
        raise InputError(
            f"expected an image that becomes {tuple(input_shape)}, got {tuple(shape)} after preprocessing; "
            "resize it first, or give the model a resize or a crop"
        )


def normalize(pixels: Pixels, preprocessing: Preprocessing) -> Float32:
    """Compute ``(x * scale - mean) / std``, each step rounded to float32: (..., H, W, C) -> float32."""
    width = pixels.shape[-2]
    x = pixels.astype(np.float32, order="C")  # a copy, always
    rows = x.reshape(-1, x.shape[-1] * width)  # a loop over whole rows is many times as fast as one over three channels
    rows *= np.float32(preprocessing.scale)
    rows -= np.tile(np.array(preprocessing.mean, dtype=np.float32), width)
    rows /= np.tile(np.array(preprocessing.std, dtype=np.float32), width)
    return x


def resized_shape(height: int, width: int, resize: Resize) -> tuple[int, int]:
    """Compute height and width after ``resize``: its size, or n and floor(n * long / short + 0.5) for the
    short and the long edge."""
    if not isinstance(resize.size, int):
        return resize.size[0], resize.size[1]
    short, long = min(height, width), max(height, width)
    scaled = (2 * resize.size * long + short) // (2 * short)  # the formula in whole numbers
    return (resize.size, scaled) if height <= width else (scaled, resize.size)


def resized(pixels: NDArray[np.uint8], resize: Resize) -> Pixels:
    """Resize pixels (H, W, C) by a rule, as a whole: uint8, or float32 by TensorFlow's filters.

    Raises InputError if the result is too large to be made.
    """
    from PIL import Image

    opened = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if not resize.is_rounded:
        height, width = resized_shape(opened.height, opened.width, resize)
        return _unrounded(opened, resize, (height, width, pixels.shape[2]), crops=False)
    made = _resized(opened, resize, None)
    return np.asarray(made).reshape(made.height, made.width, -1)


def _unrounded(image: Image.Image, resize: Resize, input_shape: Shape, crops: bool) -> Float32:
    """Resize by a filter of TensorFlow's and cut the centre, of which alone anything is computed."""
    image = _with_aspect_ratio(image, resize)
    height, width = resized_shape(image.height, image.width, resize)
    kept = (input_shape[0], input_shape[1]) if crops else (height, width)
    _check_fits((*kept, len(image.getbands())), input_shape)
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    return resized_part(image, (height, width), resize.resample, resize.antialias, (top, left, *kept))


def _resized(image: Image.Image, resize: Resize, kept: tuple[int, int] | None) -> Image.Image:
    """Resize ``image`` by Pillow; where it grows much, only the ``kept`` height and width at its centre, as a crop."""
    from PIL.Image import Resampling

    image = _with_aspect_ratio(image, resize)
    height, width = resized_shape(image.height, image.width, resize)
    if kept is not None and _is_mostly_cut_off(image, height, width, kept):
        top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
        return enlarged_part(image, (width, height), resize.resample, left, top, kept[1], kept[0])
    if max(height, image.height) * width > MAX_PIXELS:  # rows are resized first
        raise InputError(
            f"expected an image of at most {MAX_PIXELS} pixels while and after it is resized, got {image.width} x "
            f"{image.height}, which becomes {width} x {height}; cut off some of its long edge first"
        )
    return image.resize((width, height), Resampling[resize.resample.upper()])


def _with_aspect_ratio(image: Image.Image, resize: Resize) -> Image.Image:
    """Cut to the proportions that ``resize`` asks for; as it is where it asks for none."""
    if resize.policy != "crop_to_aspect_ratio":
        return image
    height, width = resize.min_size
    kept_height = max(1, min(image.height, image.width * height // width))
    kept_width = max(1, min(image.width, image.height * width // height))
    return _cropped(image, kept_height, kept_width)


def _is_mostly_cut_off(image: Image.Image, height: int, width: int, kept: tuple[int, int]) -> bool:
    """Tell whether an image grows to some megapixels of which a crop keeps under a quarter."""
    grows = height >= image.height and width >= image.width
    fits = height >= kept[0] and width >= kept[1]
    return grows and fits and height * width > max(MANY_PIXELS, 4 * kept[0] * kept[1])


def _cropped(image: Image.Image, height: int, width: int) -> Image.Image:
    if image.height < height or image.width < width:
        raise InputError(
            f"expected an image of at least {width} x {height} to cut from, got {image.width} x {image.height}; "
            "enlarge it first, or give the model a resize"
        )
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return image.crop((left, top, left + width, top + height))


# ------------------------------------------------------------------------------------------------ what predict takes


def as_batch(img: Any, input_shape: Shape, preprocessing: Preprocessing | None) -> tuple[Float32, bool]:
    """Make what ``predict`` was given float32 (N, *input_shape), and tell whether it was a single input.

    float16, float32 and float64 arrays are preprocessed inputs: (H, W, C), or (H, W) where C = 1. uint8 arrays (H, W)
    or (H, W, 1|3|4), Pillow images, paths, bytes and files open for reading bytes are images. What has ``__array__``
    is taken as that array. A list or another iterable of any of these (no set and no mapping), or one leading axis
    more, is a batch. A 3-D uint8 array whose last axis is not 1, 3 or 4 is a batch of greys, and is refused by a
    model of three channels: its first axis may be colours. The result may share memory with ``img``. Values are not
    looked at: NaN is the engine's to find.

    Raises InputError for anything else, for an empty batch, and for an image where ``preprocessing`` is None;
    FileNotFoundError for a missing file.
    """
    input_shape = tuple(input_shape)
    rank = len(input_shape)
    ready = type(img) is np.ndarray and img.dtype == np.float32 and img.shape[-rank:] == input_shape
    if ready and img.ndim <= rank + 1 and len(img):  # what `run` is given most often needs none of the questions below
        return (img[None], True) if img.ndim == rank else (img, False)
    img, items = _items(img, input_shape)
    if items is None:
        return _single(img, input_shape, preprocessing)[None], True
    if isinstance(img, np.ndarray) and img.dtype.kind == "f" and len(img):
        return _as_float32(img).reshape(len(img), *input_shape), False
    rows = _each(items, input_shape, preprocessing)
    if not isinstance(items, Sized):
        batch = list(rows)
        return np.stack(batch) if batch else _empty(img), False
    result = np.empty((len(items), *input_shape), dtype=np.float32)
    for i, row in enumerate(rows):
        result[i] = row
    return result if len(result) else _empty(img), False


def as_inputs(
    img: Any, input_shape: Shape, preprocessing: Preprocessing | None
) -> tuple[list[Float32 | InputError | OSError], bool]:
    """Do what :func:`as_batch` does, with its error in the place of an input that has one, also that of NaN or inf.

    Raises InputError for what is neither an input nor a batch, and for an empty batch.
    """
    input_shape = tuple(input_shape)
    img, items = _items(img, input_shape)
    if items is None:
        _check_kind(img, input_shape)
    results: list[Float32 | InputError | OSError] = []
    for item in [img] if items is None else items:
        try:
            x = _single(item, input_shape, preprocessing)
            if not np.isfinite(x).all():
                raise InputError("expected finite numbers, got some that are not")
            results.append(x)
        except (InputError, OSError) as error:
            results.append(error)
    if not results:
        _empty(img)
    return results, items is None


def _items(img: Any, input_shape: Shape) -> tuple[Any, Iterable[Any] | None]:
    """Give ``img``, as an array where it can be one, and the inputs that it is a batch of; None where it is one."""
    img = _as_array(img)
    if isinstance(img, np.ndarray):
        if img.ndim == 1 and img.dtype.kind in "OU":  # a column of paths
            return img, img.tolist()
        return img, img if _array_kind(img, input_shape) == "batch" else None
    is_batch = isinstance(img, Iterable) and not is_image(img) and not isinstance(img, (Mapping, Set))
    return img, img if is_batch else None


def _as_array(value: Any) -> Any:
    """Make a tensor or column of another library an array; leave the rest alone."""
    if isinstance(value, (np.ndarray, list, tuple)) or is_image(value) or not hasattr(value, "__array__"):
        return value
    try:
        return np.asarray(value)
    except Exception as error:  # whatever that library raises, as for a tensor that lies in a GPU
        problem = f"expected a {type(value).__name__} that NumPy can take, got {type(error).__name__}: {error}"
        raise InputError(f"{problem}; make it an array first") from error


def _empty(img: Any) -> NoReturn:
    got = f"array of shape {img.shape}" if isinstance(img, np.ndarray) else f"empty {type(img).__name__}"
    raise InputError(f"expected at least one input, got an {got}")


def _array_kind(x: NDArray[Any], input_shape: Shape) -> str | None:
    """Tell whether ``x`` is ``"single"`` or a ``"batch"``; None where it is neither."""
    if x.dtype == np.uint8:
        if is_pixel_shape(x.shape):
            return "single"
        greys = x.ndim == 3 and input_shape[2:] != (3,)  # for a model of colours more likely (C, H, W)
        return "batch" if greys or (x.ndim == 4 and is_pixel_shape(x.shape[1:])) else None
    if not _is_input_dtype(x.dtype):
        return None
    shapes = [input_shape, input_shape[:2]] if input_shape[2:] == (1,) else [input_shape]
    if x.shape in shapes:
        return "single"
    return "batch" if x.ndim and x.shape[1:] in shapes else None


def _is_input_dtype(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f" and dtype.itemsize <= 8


def _as_float32(x: NDArray[Any]) -> Float32:
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which the engine looks for
        return np.asarray(x, dtype=np.float32)


def _misfit(x: NDArray[Any], input_shape: Shape) -> InputError:
    got = f"got {x.dtype} of shape {x.shape}"
    if x.dtype == np.uint8:
        remedy = _channels_last(x, (1, 3, 4))
        if x.ndim == 3 and not remedy:
            remedy = "; a batch of grey images has the shape (N, H, W, 1), as x[..., numpy.newaxis]"
        return InputError(f"expected uint8 images of shape (H, W) or (H, W, 1|3|4), or a batch of them, {got}{remedy}")
    if not _is_input_dtype(x.dtype):
        kinds = "a float16, float32 or float64 array (preprocessed input) or a uint8 one (images)"
        return InputError(f"expected {kinds}, {got}; convert it with .astype")
    grey = f" or {input_shape[:2]}" if input_shape[2:] == (1,) else ""
    return InputError(
        f"expected preprocessed input of shape {input_shape}{grey}, or a batch of it, {got}"
        + (_channels_last(x, input_shape[2:]) or "; images of any other size go in as uint8 arrays")
    )


def _channels_last(x: NDArray[Any], channels: tuple[int, ...]) -> str:
    """Say how to turn an array that may be (C, H, W) or (N, C, H, W); empty where it cannot be."""
    if x.ndim not in (3, 4) or x.shape[-3] not in channels:
        return ""
    axes = "1, 2, 0" if x.ndim == 3 else "0, 2, 3, 1"
    return f"; if its channels come first, turn it by x.transpose({axes})"


def _each(items: Iterable[Any], input_shape: Shape, preprocessing: Preprocessing | None) -> Iterator[Float32]:
    total = f" of {len(items)}" if isinstance(items, Sized) else ""
    for i, item in enumerate(items):
        try:
            yield _single(item, input_shape, preprocessing)
        except InputError as error:
            raise InputError(f"input {i}{total}: {error}") from error


def _check_kind(item: Any, input_shape: Shape) -> None:
    """Refuse what is not of a type, shape and dtype that one input may have."""
    if isinstance(item, np.ndarray):
        if _array_kind(item, input_shape) != "single":
            raise _misfit(item, input_shape)
    elif not is_image(item):
        kinds = "a path, bytes, a file, a Pillow image, or an array of uint8 or floats"
        raise InputError(f"expected {kinds}, or a list of them, got {type(item).__name__}; {_remedy(item)}")


def _single(item: Any, input_shape: Shape, preprocessing: Preprocessing | None) -> Float32:
    """Make one input float32 of ``input_shape``."""
    item = _as_array(item)
    _check_kind(item, input_shape)
    if isinstance(item, np.ndarray) and item.dtype != np.uint8:
        return _as_float32(item).reshape(input_shape)
    if preprocessing is None:
        raise InputError(
            f"expected a float array of shape {input_shape}, as this model does not say how to preprocess images, "
            f"got {type(item).__name__}; preprocess it yourself, or export the model with preprocessing"
        )
    return to_input(item, preprocessing, input_shape)


def _remedy(item: Any) -> str:
    if isinstance(item, (list, tuple, int, float)):
        return "make numbers an array with numpy.asarray(numbers, dtype=numpy.float32)"
    return "make a list of its items with list()" if hasattr(item, "__iter__") else "open it as one of these"
