"""How an image becomes a network's input, as a model file states it. ``lcnn_engine.images`` does it.

The order of the steps and the meaning of every field are in MODEL_FORMAT.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from .node import MAX_ELEMENTS, Record, Shape, format_error, is_finite, is_size

__all__ = ["INTERPOLATIONS", "MODES", "POLICIES", "RESAMPLES", "Preprocessing", "Resize"]

MODES = {"L": 1, "RGB": 3}  # mode of an image -> its channels
POLICIES = ("exact", "shortest_edge", "crop_to_aspect_ratio")
ROUNDED = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")  # Pillow's, which give 8 bits
RESAMPLES = (*ROUNDED, "area", "triangle", "keyscubic", "lanczos3", "lanczos5")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area", "triangle", "keyscubic", "lanczos3", "lanczos5")
TINY = 2.0**-150  # float32 rounds this and all below to 0, ties to even


@dataclass(frozen=True, eq=False, repr=False)
class Resize(Record):
    """``policy`` "shortest_edge" with ``size`` n, or another with ``size`` (height, width)."""

    policy: str
    size: tuple[int, int] | int
    resample: str
    antialias: bool = True

    def check(self) -> None:
        """Check the fields alone. Raises ModelFormatError."""
        where = "preprocessing: resize"
        if self.policy not in POLICIES:
            raise format_error(where, f"policy to be one of {', '.join(POLICIES)}", self.policy)
        if self.resample not in RESAMPLES:
            raise format_error(where, f"resample to be one of {', '.join(RESAMPLES)}", self.resample)
        if not isinstance(self.antialias, bool):
            raise format_error(where, "antialias to be true, false or absent", self.antialias)
        if not self.antialias and self.resample not in INTERPOLATIONS:
            expected = f"resample without antialias to be one of {', '.join(INTERPOLATIONS)}"
            raise format_error(where, expected, self.resample)
        if self.policy == "shortest_edge":
            if not is_size(self.size):
                expected = f"size of shortest_edge to be an integer from 1 to {MAX_ELEMENTS}"
                raise format_error(where, expected, self.size)
        elif not isinstance(self.size, tuple) or len(self.size) != 2 or not all(map(is_size, self.size)):
            raise format_error(where, f"size of {self.policy} to be 2 integers from 1 to {MAX_ELEMENTS}", self.size)

    @property
    def is_rounded(self) -> bool:
        """Whether resizing gives integers of 8 bits (Pillow's filters), not floats (TensorFlow's)."""
        return self.antialias and self.resample in ROUNDED

    @property
    def min_size(self) -> tuple[int, int]:
        """The least height and the least width that a resized image can have."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)


@dataclass(frozen=True, eq=False, repr=False)
class Preprocessing(Record):
    """The steps from an image to the input: ``mode``, resize, crop, then ``(x * scale - mean) / std`` a channel."""

    mode: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1.0
    resize: Resize | None = None
    crop: str | None = None

    @property
    def is_rounded(self) -> bool:
        """Whether pixels are integers of 8 bits until they are scaled."""
        return self.resize is None or self.resize.is_rounded

    def check(self, shape: Shape) -> None:
        """Check the fields, and that images can become inputs of ``shape`` (H, W, C). Raises ModelFormatError."""
        self._check_channels(shape[2])
        where = "preprocessing"
        if not is_finite(self.scale):
            raise format_error(where, "scale to be a finite number", self.scale)
        if self.crop not in (None, "center"):
            raise format_error(where, "crop to be 'center' or absent", self.crop)
        if self.resize is not None:
            self.resize.check()
            self._check_fit(self.resize, shape)

    def _check_channels(self, channels: int) -> None:
        where = "preprocessing"
        if not isinstance(self.mode, str) or self.mode not in MODES:
            raise format_error(where, f"mode to be one of {', '.join(MODES)}", self.mode)
        if MODES[self.mode] != channels:
            raise format_error(where, f"a mode with the {channels} channels of the input", self.mode)
        for field in ("mean", "std"):
            numbers = getattr(self, field)
            if not isinstance(numbers, tuple) or len(numbers) != channels or not all(map(is_finite, numbers)):
                raise format_error(where, f"{field} to be {channels} finite numbers, one a channel", numbers)
        if any(abs(number) <= TINY for number in self.std):
            raise format_error(where, "std to be other than 0", self.std)

    def _check_fit(self, resize: Resize, shape: Shape) -> None:
        height, width = resize.min_size
        where = f"preprocessing: resize by {resize.policy}"
        if height * width * shape[2] > MAX_ELEMENTS:
            raise format_error(where, f"a resized image of at most {MAX_ELEMENTS} values", resize.size)
        if self.crop is not None:
            if height < shape[0] or width < shape[1]:
                raise format_error(where, f"a resized image no smaller than the crop, {shape[:2]}", resize.size)
        elif resize.policy == "shortest_edge":
            if resize.size != min(shape[:2]):
                expected = f"size {min(shape[:2])}, that of the input, as there is no crop"
                raise format_error(where, expected, resize.size)
        elif resize.size != shape[:2]:
            raise format_error(where, f"size {shape[:2]}, that of the input, as there is no crop", resize.size)
