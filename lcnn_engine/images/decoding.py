"""Anything that holds an image -> an upright Pillow image of 8 bits, mode L or RGB.

The part of preprocessing that meets files from outside: whatever they hold, the answer is an image
or an :class:`InputError` (:class:`FileNotFoundError` where there is no file). Pillow is imported when the first
image comes, so that networks fed with arrays never pay for it. Safe to call from many threads.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..utils.moved import former_names

if TYPE_CHECKING:
    from PIL import Image, ImageFile

__all__ = ["FORMATS", "MAX_PIXELS", "ImageLike", "image_size", "is_image", "is_pixel_shape", "open_image"]

ImageLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[np.uint8]"
)

# Below Pillow's own limit (2 * MAX_IMAGE_PIXELS, about 2^27.4), which belongs to the host program and may be off.
MAX_PIXELS = 2**27

MAX_TILE_PIXELS = 2**22  # of a TIFF; larger ones only where the image is

TILE_WIDTH, TILE_LENGTH = 322, 323  # tags of a TIFF

STRIP_PIXELS = 2**18  # that are worked on at a time, where numbers are wider than 8 bits

# The formats that a file may have, and how the names of such files end. Pillow reads 40 more, some by starting other
# programs (EPS: Ghostscript).
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
_FORMATS_TEXT = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PPM"

# 16-bit colours of a PNG: the raw mode by which Pillow reads every sample's high byte -> one that reads the low byte.
# Grey with alpha has no such mode; read as RGBA, its four bytes are grey high, grey low, alpha high, alpha low.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}

# Pillow's names for what makes an image of EXIF orientation 2 to 8 upright.
_TURNS = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")


# Never held while a file is opened or pixels are read: for importing Pillow, and for finding the lock of an
# image. A fork waits for it, so that no child is born with it held or with a module half imported.
_pillow = threading.RLock()
_modules: list[Any] = []  # PIL.Image, once it and all that opening an image may import are there

# Pillow must not read the pixels of one image twice at once: id of an image of the caller -> its lock, and how many
# threads use it. Those threads keep the image alive, and so the id its own.
_reading: dict[int, tuple[threading.Lock, int]] = {}


def _lock_of_logging() -> Any:
    return getattr(sys.modules.get("logging"), "_lock", None) or threading.RLock()


def _before_fork() -> None:
    """Wait for a thread that imports Pillow, and with it perhaps logging.

    A fork takes the lock of logging, too: before ours, or not at all where logging was not there when the fork began,
    and releases it afterwards. That thread needs it, so it is let go of while waiting, and is held in the end.
    """
    waiting = not _pillow.acquire(blocking=False)
    while waiting:
        with suppress(RuntimeError):  # where this thread does not have it
            _lock_of_logging().release()
        waiting = not _pillow.acquire(timeout=0.01)
        _lock_of_logging().acquire()


def _after_fork_in_child() -> None:
    _reading.clear()  # of threads that are not here
    _pillow.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_pillow.release, after_in_child=_after_fork_in_child)


def _loaded_pillow() -> Any:
    """Import Pillow on the first call, with everything that reading an image needs, and give ``PIL.Image``.

    All at once: another thread may fork at any moment, and a child finds a module half imported for ever.
    """
    if not _modules:
        with _pillow:
            from PIL import Image

            plugins = [f"{format}ImagePlugin" for format in ("Jpeg", "Mpo", "Png", "WebP", "Gif", "Bmp", "Tiff", "Ppm")]
            for name in ("ImageFile", "ImagePalette", *plugins):
                importlib.import_module(f"PIL.{name}")
            with suppress(ImportError):  # of a Pillow before 11.3
                importlib.import_module("PIL.AvifImagePlugin")
            Image.preinit()
            _modules.append(Image)
    return _modules[0]


@contextmanager
def _alone_with(image: Image.Image) -> Iterator[None]:
    """Keep other threads from reading the pixels of this image; they may read any other."""
    key = id(image)
    with _pillow:
        lock, users = _reading.get(key, (threading.Lock(), 0))
        _reading[key] = lock, users + 1
    try:
        with lock:
            yield
    finally:
        with _pillow:
            users = _reading[key][1] - 1
            if users:
                _reading[key] = lock, users
            else:
                del _reading[key]


def _is_pillow_image(value: object) -> bool:
    # Not imported here: without it there can be no image. Another thread may be half-way through importing it.
    image_class = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return isinstance(value, image_class or ())


def is_image(value: object) -> bool:
    """Tell whether ``value`` is of a type that :func:`open_image` takes."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype == np.uint8)
    if isinstance(value, (str, os.PathLike, bytes, bytearray, memoryview)) or _is_pillow_image(value):
        return True
    return callable(getattr(value, "read", None))  # a file, or what behaves as one


def is_pixel_shape(shape: tuple[int, ...]) -> bool:
    """Tell whether a uint8 array of this shape is one image: (H, W), or (H, W, 1|3|4)."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def open_image(image: ImageLike, mode: str) -> Image.Image:
    """Open ``image`` as a Pillow image of ``mode`` ``"L"`` or ``"RGB"``, turned upright by its EXIF orientation.

    ``image`` is a path; an encoded file as bytes; a file open for reading bytes, which is read from where it stands to
    its end and left open; a Pillow image (which is left as it was; of several frames the one it shows); or a uint8
    array (H, W) or (H, W, 1|3|4). Files are JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PPM; no other format is tried,
    as Pillow starts other programs for some. Files with several frames give the first. Alpha is dropped. 16-bit
    samples v become the integer nearest to v / 257: modes ``I;16`` and ``I``, and 16-bit colours in PNG; of 16-bit
    colours in other files, and in images already opened, Pillow itself keeps the high byte. Floats (mode ``F``) from 0
    to 255 are cut to integers; others, and such as are all from 0 to 1, are refused.

    Raises FileNotFoundError for a missing file, InputError for everything else that is no image, is damaged, or
    has no pixels or more than 2^27.
    """
    if isinstance(image, np.ndarray):
        return _converted(_from_array(image), mode, "array")
    if _is_pillow_image(image):
        return _from_pillow(image, mode)  # type: ignore[arg-type]
    if isinstance(image, (bytes, bytearray, memoryview)):
        what = f"{len(image)} bytes"
        with _as_input_errors(what):
            return _decoded(io.BytesIO(image), mode, what)
    if isinstance(image, (str, os.PathLike)):
        what = repr(os.fspath(image))
        with _as_input_errors(what), Path(image).open("rb") as file:
            return _decoded(file, mode, what)
    if is_image(image):
        return _from_file(image, mode)  # type: ignore[arg-type]
    raise InputError(f"expected a path, bytes, a file, a Pillow image or a uint8 array, got {type(image).__name__}")


def image_size(content: bytes | memoryview) -> tuple[int, int]:
    """Read width and height of an encoded image from its header, before a pixel is decoded.

    Raises InputError as :func:`open_image` does, as far as a header shows it.
    """
    what = f"{len(content)} bytes"
    with _as_input_errors(what):
        size: tuple[int, int] = _open(io.BytesIO(content), what).size
        return size


@contextmanager
def _as_input_errors(what: str) -> Iterator[None]:
    """Make whatever reading an image raises an InputError that names it."""
    try:
        yield
    except (InputError, FileNotFoundError, MemoryError):
        raise
    except IsADirectoryError as error:
        raise InputError(f"{what}: expected an image, got a directory; name the files in it") from error
    except Exception as error:  # Pillow's plugins raise whatever a damaged file leads them to
        name = type(error).__name__
        if name == "UnidentifiedImageError":
            problem = "something else; convert it to one of these, or open it with Pillow yourself if you trust it"
        else:
            problem = f"{name}: {error}"
        raise InputError(f"{what}: expected a whole image ({_FORMATS_TEXT}), got {problem}") from error


def _check_size(size: tuple[int, int], what: str) -> None:
    width, height = size
    if not 1 <= width * height <= MAX_PIXELS:
        raise InputError(
            f"{what}: expected an image of 1 to {MAX_PIXELS} pixels, got {width} x {height} = {width * height}; "
            "shrink or cut it first"
        )


def _from_array(pixels: NDArray[Any]) -> Image.Image:
    if pixels.dtype != np.uint8 or not is_pixel_shape(pixels.shape) or pixels.size == 0:
        raise InputError(
            "expected a uint8 array of shape (H, W) or (H, W, 1|3|4) with at least one pixel, "
            f"got {pixels.dtype} of shape {pixels.shape}"
        )
    if pixels.shape[2:] == (1,):
        pixels = pixels[:, :, 0]
    return cast("Image.Image", _loaded_pillow().fromarray(np.ascontiguousarray(pixels)))


def _from_pillow(image: Image.Image, mode: str) -> Image.Image:
    what = f"Pillow image of mode {image.mode}"
    _check_size(image.size, what)
    with _as_input_errors(what):
        _loaded_pillow()
        with _alone_with(image):
            image.load()
        return _upright(_converted(image, mode, what), _orientation(image))


def _from_file(file: IO[bytes], mode: str) -> Image.Image:
    what = type(file).__name__
    with _as_input_errors(what):
        content = "" if isinstance(file, io.TextIOBase) else file.read()  # of an image, text cannot even be read
        if not isinstance(content, bytes):
            got = type(content).__name__
            raise InputError(f"{what}: expected a file that gives bytes, got {got}; open it with the mode 'rb'")
        if not content:
            raise InputError(f"{what}: expected an image, got no bytes; if it has been read or written, .seek(0) first")
        return _decoded(io.BytesIO(content), mode, f"{what} of {len(content)} bytes")


def _open(file: IO[bytes], what: str) -> ImageFile.ImageFile:
    """Read the header only, and judge the size before a pixel is decoded."""
    file.seek(0)
    loaded = _loaded_pillow()
    image: ImageFile.ImageFile = loaded.open(file, formats=[format for format in FORMATS if format in loaded.OPEN])
    _check_size(image.size, what)
    if image.format == "TIFF":
        _check_tiles(image, what)
    return image


def _check_tiles(image: ImageFile.ImageFile, what: str) -> None:
    """Refuse a TIFF whose tiles, which are read whole, are much larger than the image."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    width, height = tags.get(TILE_WIDTH, 0), tags.get(TILE_LENGTH, 0)
    limit = max(MAX_TILE_PIXELS, 4 * image.width * image.height)
    if not all(isinstance(edge, int) for edge in (width, height)) or width * height > limit:
        raise InputError(
            f"{what}: expected a TIFF of {image.width} x {image.height} in tiles of at most {limit} pixels, "
            f"got {width} x {height}; save it again with smaller tiles"
        )


def _decoded(file: IO[bytes], mode: str, what: str) -> Image.Image:
    image = _open(file, what)
    raw_mode = image.tile[0][3] if image.format == "PNG" and image.tile else None
    image.load()
    pixels: Image.Image = image
    if isinstance(raw_mode, str) and raw_mode in _LOW_BYTES:
        pixels = _joined(image, _low_bytes(file, raw_mode, what), grey=raw_mode == "LA;16B")
    orientation = _orientation(image)
    pixels.info.pop("transparency", None)  # or convert would copy them first
    return _upright(pixels if pixels.mode == mode else _converted(pixels, mode, what), orientation)


def _low_bytes(file: IO[bytes], raw_mode: str, what: str) -> Image.Image:
    """Read the low bytes of a 16-bit PNG's samples: RGB or RGBA; for grey with alpha, G of RGBA."""
    image = _open(file, what)
    codec, box, offset, _ = image.tile[0]
    image.tile = [(codec, box, offset, _LOW_BYTES[raw_mode])]  # type: ignore[list-item]  # a plain tuple in old Pillows
    image.load()
    return image


def _joined(high: Image.Image, low: Image.Image, grey: bool) -> Image.Image:
    """Make, in ``high``, of the high and the low bytes of samples the integers nearest to a 257th of them."""
    for (top, upper), (_, lower) in zip(_strips(high), _strips(low), strict=True):
        samples = upper[..., :3].astype(np.int32) * 256 + (lower[..., 1:2] if grey else lower[..., :3])
        high.paste(_loaded_pillow().fromarray(_divided_by_257(samples)), (0, top))
    return high


def _strips(image: Image.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """Give an image as arrays of some rows each, from the top, so that little memory is taken at a time."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))


def _divided_by_257(samples: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Give the integer nearest to v / 257. There are no ties, 257 being odd; 65535 becomes 255, 257 * p p."""
    return ((samples + 128) // 257).astype(np.uint8)


def _converted(image: Image.Image, mode: str, what: str) -> Image.Image:
    """Make a new image of ``mode``: alpha dropped, 16 bits divided by 257, then Pillow's convert."""
    if image.mode.startswith("I"):  # I;16 in either byte order, and I, which holds 16-bit files in 32 bits
        image = _from_16_bits(image, what)
    if image.mode == "F":
        _check_floats(image, what)
    if "transparency" in image.info:  # alpha as a colour or palette entries; convert would warn, or look it up
        image = image.copy()
        del image.info["transparency"]
    if image.mode in ("La", "RGBa"):  # colours multiplied by alpha
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode == "LAB":
        with _pillow:
            importlib.import_module("PIL.ImageCms")  # which convert would import
        image = image.convert("RGB")
    return image.convert(mode)


def _from_16_bits(image: Image.Image, what: str) -> Image.Image:
    if image.mode == "I":
        low, high = cast("tuple[int, int]", image.getextrema())
        if low < 0 or high > 65535:
            raise InputError(
                f"{what}: expected 16-bit samples from 0 to 65535, got {low} to {high}; scale them to 8 bits first"
            )
    loaded = _loaded_pillow()
    result: Image.Image = loaded.new("L", image.size)
    for top, samples in _strips(image):
        result.paste(loaded.fromarray(_divided_by_257(samples.astype(np.int32))), (0, top))
    return result


def _check_floats(image: Image.Image, what: str) -> None:
    """Refuse what convert would clip to black or to white."""
    low, high = cast("tuple[float, float]", image.getextrema())
    finite = all(np.isfinite(samples).all() for _, samples in _strips(image))
    if not finite or low < 0 or high > 255 or 0 < high <= 1:
        raise InputError(
            f"{what}: expected floats from 0 to 255, got "
            + (f"{low:g} to {high:g}" if finite else "some that are not finite")
            + "; scale them to a uint8 array first, where black is 0 and white 255"
        )


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 to 8; 1 where there is none, or none that can be read."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF in a good image; Pillow raises whatever it leads to
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    if orientation == 1:
        return image
    from PIL.Image import Transpose

    return image.transpose(Transpose[_TURNS[orientation - 2]])


former_names(__name__, Picture="ImageLike", is_picture="is_image", open_picture="open_image")
