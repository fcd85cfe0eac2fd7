"""Flat images of rectangles, polygons and text: as PNG by Pillow, or as SVG. Lengths in pixels of the image."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from ..errors import InputError
from .files import replacing
from .text import printable

if TYPE_CHECKING:
    from PIL import ImageFont

__all__ = ["Drawing", "checked_format", "text_width"]

FORMATS = (".png", ".svg")
SCALE = 2  # pixels of a PNG to one of the image, for screens that have them
SMOOTH = 2  # drawn so much larger still, then reduced: Pillow's shapes have steps for edges

MARGIN = 24  # below the lowest item
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}  # its names for anchors on the baseline

Point = tuple[float, float]


class Shape(NamedTuple):
    """A filled polygon."""

    points: Sequence[Point]
    fill: str


class Text(NamedTuple):
    """One line of text on its baseline; ``anchor`` "start", "middle" or "end" lies at ``at``."""

    at: Point
    text: str
    size: float
    fill: str
    anchor: str


class Drawing:
    """Shapes and texts, later ones over earlier ones, on white: ``width`` wide, and as high as they need."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.items: list[Shape | Text] = []

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        lowest = [max(y for _, y in item.points) if isinstance(item, Shape) else item.at[1] for item in self.items]
        return self.width, math.ceil(max(lowest, default=0.0)) + MARGIN

    def polygon(self, points: Sequence[Point], fill: str) -> None:
        """Add a filled polygon."""
        self.items.append(Shape(points, fill))

    def rectangle(self, left: float, top: float, right: float, bottom: float, fill: str) -> None:
        """Add a filled rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill)

    def text(self, at: Point, text: str, size: float, fill: str, anchor: str = "start") -> None:
        """Add a line of text, as :class:`Text` has it."""
        self.items.append(Text(at, printable(text), size, fill, anchor))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a PNG or an SVG, as the ending of ``path`` says. Raises InputError for another one, OSError."""
        ending = checked_format(path)
        with replacing(path) as stream:
            if ending == ".svg":
                stream.write(self._svg().encode("utf-8"))
            else:
                self._image().save(stream, "png", optimize=True)

    def _image(self):  # type: ignore[no-untyped-def]  # PIL's Image, which is imported only here
        from PIL import Image, ImageDraw

        scale = SCALE * SMOOTH
        width, height = self.size
        image = Image.new("RGB", (width * scale, height * scale), "white")
        draw = ImageDraw.Draw(image)
        for item in self.items:
            if isinstance(item, Shape):
                draw.polygon([(x * scale, y * scale) for x, y in item.points], item.fill)
            else:
                at = (item.at[0] * scale, item.at[1] * scale)
                draw.text(at, item.text, item.fill, _font(item.size * scale), ANCHORS[item.anchor])
        return image.reduce(SMOOTH)

    def _svg(self) -> str:
        width, height = self.size
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="Helvetica, Arial, sans-serif">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
        ]
        for item in self.items:
            if isinstance(item, Shape):
                points = " ".join(f"{x:.2f},{y:.2f}" for x, y in item.points)
                lines.append(f'<polygon points="{points}" fill="{item.fill}"/>')
            else:  # as long as it was measured, whatever font the viewer has
                where = f'x="{item.at[0]:.2f}" y="{item.at[1]:.2f}" text-anchor="{item.anchor}"'
                length = f'textLength="{text_width(item.text, item.size):.1f}" lengthAdjust="spacingAndGlyphs"'
                style = f'font-size="{item.size:g}" fill="{item.fill}"'
                lines.append(f"<text {where} {length} {style}>{escape(item.text)}</text>")
        return "\n".join([*lines, "</svg>", ""])


def checked_format(path: str | os.PathLike[str]) -> str:
    """Give the ending of ``path``, if it is that of an image that can be drawn. Raises InputError."""
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise InputError(f"{os.fsdecode(path)}: expected an image to draw to end in {' or '.join(FORMATS)}")
    return ending


def text_width(text: str, size: float) -> float:
    """Measure a line of text, in pixels."""
    return _font(size * SCALE).getlength(text) / SCALE


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the font that comes with Pillow."""
    from PIL import ImageFont

    return ImageFont.load_default(size)
