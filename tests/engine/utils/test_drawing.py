"""Drawings: what is drawn stands in both formats, and names from outside do no harm."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from lcnn_engine import InputError
from lcnn_engine.utils.drawing import MARGIN, Drawing, checked_format, text_width

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawing() -> Drawing:
    drawing = Drawing(100)
    drawing.rectangle(10, 20, 30, 40, "#ff0000")
    drawing.polygon([(50, 0), (60, 0), (60, 70)], "#0000ff")
    drawing.text((10, 90), "<a & b>\x1b", 12, "#000000", "middle")
    return drawing


def test_as_high_as_its_lowest_item(drawing: Drawing) -> None:
    assert drawing.size == (100, 90 + MARGIN)
    assert Drawing(5).size == (5, MARGIN)


def test_svg(drawing: Drawing, tmp_path: Path) -> None:
    drawing.save(tmp_path / "drawing.svg")
    root = ElementTree.parse(tmp_path / "drawing.svg").getroot()
    assert (root.get("width"), root.get("height")) == ("100", str(90 + MARGIN))
    assert [shape.get("fill") for shape in root.iter(f"{SVG}polygon")] == ["#ff0000", "#0000ff"]
    (text,) = root.iter(f"{SVG}text")
    assert (text.text, text.get("text-anchor")) == ("<a & b>\\x1b", "middle")


def test_png(drawing: Drawing, tmp_path: Path) -> None:
    drawing.save(tmp_path / "drawing.PNG")
    with Image.open(tmp_path / "drawing.PNG") as image:
        assert image.size == (200, 2 * (90 + MARGIN))
        assert image.getpixel((40, 60)) == (255, 0, 0)
        assert image.getpixel((199, 0)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["drawing", "drawing.jpg", ".png", "drawing.svg.txt"])
def test_other_formats(name: str) -> None:
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        checked_format(name)


def test_longer_text_is_wider() -> None:
    assert 0 == text_width("", 12) < text_width("i", 12) < text_width("ii", 12) < text_width("ii", 24)
