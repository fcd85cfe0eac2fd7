"""Draw what a lookup layer is: one dictionary, and filters that are a few scaled, shifted copies of S = D X.

python docs/draw_lookup_layer.py [lookup_layer.png]    # needs matplotlib: pip install -e ".[plot]"

Nothing in it is a sketch: S and both results are computed from the photograph by the formulas that the figure shows.
The atoms and the lookups are chosen by hand, to be seen at a glance; a trained layer has more of both.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from PIL import Image

ROOT = Path(__file__).parent.parent
PHOTOGRAPH = ROOT / "tests" / "data" / "pictures" / "coffee.jpg"
CROP, PIXELS = (38, 0, 238, 200), 48

D = np.array([[0.3, 0.6, 0.1], [0.9, -0.7, -0.2], [0.2, 0.3, -0.5]])
COLOURS = ("#2f6db5", "#d1442f", "#a87a12")
TINTS = ((1.0, 0.52, 0.48), (0.6, 0.95, 0.62), (0.62, 0.78, 1.0))
INK, FAINT, PANEL = "#1f2328", "#59636e", "#f6f8fa"
SIZE, SMALL, STEP = 150, 128, 5.0  # an image, a smaller one, and how far a pixel's shift moves it: units of the drawing
MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


class Lookup(NamedTuple):
    """An entry of I and its coefficient in C: ``scale`` times map ``atom`` of S, moved by (down, right) pixels."""

    atom: int
    down: int
    right: int
    scale: float


FILTERS = (
    (Lookup(0, 0, 3, 0.9), Lookup(0, 0, -3, -0.9)),
    (Lookup(1, 0, 0, 1.0), Lookup(0, -3, 0, -0.3), Lookup(2, 3, 0, -0.4)),
)
LEGEND = {
    "D": "dictionary, shared by all filters",
    "S": "its maps, computed once",
    "I": "lookups: which map, which shift",
    "C": "coefficients: the scales",
}


def photograph() -> np.ndarray:
    """X: (m, h, w), m = 3 channels between 0 and 1."""
    with Image.open(PHOTOGRAPH) as image:
        small = image.convert("RGB").crop(CROP).resize((PIXELS, PIXELS), Image.Resampling.LANCZOS)
    return np.asarray(small, np.float64).transpose(2, 0, 1) / 255


def moved(plane: np.ndarray, lookup: Lookup) -> np.ndarray:
    """The plane moved by a lookup's shift, with zeros where it comes from outside."""
    reach = max(abs(lookup.down), abs(lookup.right))
    padded = np.pad(plane, reach)
    top, left = reach - lookup.down, reach - lookup.right
    return padded[top : top + PIXELS, left : left + PIXELS]


def result(S: np.ndarray, lookups: tuple[Lookup, ...]) -> np.ndarray:
    """ReLU of the sum of scaled, shifted maps: one channel of the layer's output."""
    return np.maximum(sum(lookup.scale * moved(S[lookup.atom], lookup) for lookup in lookups), 0)


class Sheet:
    """A drawing in units that run right and down."""

    def __init__(self, width: int, height: int) -> None:
        self.figure = plt.figure(figsize=(width / 200, height / 200), dpi=200, facecolor="white")
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")

    def image(self, values: np.ndarray, x: float, y: float, size: float, frame: str, **shades: object) -> None:
        """Values (h, w) or (h, w, 3) as a square with its upper left corner at (x, y)."""
        limits = self.axes.get_xlim(), self.axes.get_ylim()
        self.axes.imshow(values, extent=(x, x + size, y + size, y), interpolation="nearest", zorder=2, **shades)
        self.axes.set(xlim=limits[0], ylim=limits[1])
        self.axes.add_patch(Rectangle((x, y), size, size, fill=False, edgecolor=frame, linewidth=1.6, zorder=3))

    def text(self, x: float, y: float, words: str, size: float = 8.5, **style: object) -> None:
        options = {"color": INK, "ha": "center", "va": "center", "zorder": 5} | style
        self.axes.text(x, y, words, fontsize=size, **options)

    def panel(self, x: float, y: float, width: float, height: float) -> None:
        shape = "round,pad=0,rounding_size=14"
        box = FancyBboxPatch((x, y), width, height, boxstyle=shape, facecolor=PANEL, edgecolor="#d1d9e0", linewidth=0.8)
        self.axes.add_patch(box)


def shades(values: np.ndarray) -> dict[str, object]:
    """Grey from the least value to the greatest."""
    return {"cmap": "gray", "vmin": float(values.min()), "vmax": float(values.max())}


def draw_dictionary(sheet: Sheet, x: float, y: float) -> None:
    """D, an atom a row."""
    cell = 58
    for row, atom in enumerate(D):
        for column, value in enumerate(atom):
            at = (x + column * cell, y + row * cell)
            sheet.axes.add_patch(Rectangle(at, cell, cell, facecolor="white", edgecolor="#d1d9e0", linewidth=0.8))
            sheet.text(at[0] + cell / 2, at[1] + cell / 2 + 2, f"{value:g}".replace("-", MINUS), 7.5)
        frame = {"fill": False, "edgecolor": COLOURS[row], "linewidth": 1.6}
        sheet.axes.add_patch(Rectangle((x, y + row * cell + 3), 3 * cell, cell - 6, **frame))


def draw_channels(sheet: Sheet, X: np.ndarray, x: float, y: float) -> None:
    """X: red, green and blue, one behind the other."""
    for channel in (2, 1, 0):
        tinted = X[channel, :, :, None] ** 0.8 * np.array(TINTS[channel])
        sheet.image(tinted, x + 30 * channel, y + 13 * channel, SIZE, "white")


def draw_maps(sheet: Sheet, X: np.ndarray, S: np.ndarray) -> None:
    """The upper half: D, X, their product S, and the legend."""
    sheet.panel(20, 20, 1640, 310)
    sheet.text(44, 56, "1.  Once in a layer: the dictionary times the input", 9.5, ha="left", weight="bold")
    draw_dictionary(sheet, 84, 108)
    sheet.text(171, 305, "D: k atoms", 8, color=FAINT)
    sheet.text(306, 195, "·", 18)
    draw_channels(sheet, X, 348, 108)
    sheet.text(453, 305, "X: m channels", 8, color=FAINT)
    sheet.text(620, 195, "=", 15)
    for atom, plane in enumerate(S):
        x = 690 + atom * 176
        sheet.image(plane, x, 120, SIZE, COLOURS[atom], **shades(plane))
        sheet.text(x + SIZE / 2, 98, f"$S_{atom + 1}$", 9, color=COLOURS[atom])
    sheet.text(941, 305, "S = D · X: a map for each atom", 8, color=FAINT)
    for line, (letter, meaning) in enumerate(LEGEND.items()):
        sheet.text(1262, 132 + 42 * line, letter, 9, weight="bold")
        sheet.text(1288, 132 + 42 * line, meaning, 8, ha="left")


def draw_lookup(sheet: Sheet, S: np.ndarray, lookup: Lookup, x: float, y: float) -> None:
    """A map of S beside the dashed place that it is moved from, and its entry of I below."""
    plane, at = S[lookup.atom], (x + lookup.right * STEP, y + lookup.down * STEP)
    sheet.image(plane, *at, SMALL, COLOURS[lookup.atom], **shades(plane))
    dashes = {"fill": False, "edgecolor": INK, "linewidth": 0.9, "linestyle": (0, (3, 2)), "zorder": 4}
    if at != (x, y):
        sheet.axes.add_patch(Rectangle((x, y), SMALL, SMALL, **dashes))
    ways = {"right": lookup.right, "left": -lookup.right, "down": lookup.down, "up": -lookup.down}
    way = next((f"{length} {name}" for name, length in ways.items() if length > 0), "in place")
    sheet.text(x + SMALL / 2, y + SMALL + 34, f"$S_{lookup.atom + 1}$, {way}", 7.5, color=COLOURS[lookup.atom])


def draw_filter(sheet: Sheet, S: np.ndarray, number: int, y: float) -> None:
    """One filter: its lookups, and the channel of the output that is their sum."""
    sheet.text(70, y + SMALL / 2, f"filter {number + 1}", 8.5, ha="left")
    for index, lookup in enumerate(FILTERS[number]):
        x = 360 + index * 286
        sign = MINUS if lookup.scale < 0 else "+" if index else ""
        sheet.text(x - 26, y + SMALL / 2, f"{sign} {abs(lookup.scale):g} {TIMES}".strip(), 9.5, ha="right")
        draw_lookup(sheet, S, lookup, x, y)
    ends = (1110, y + SMALL / 2), (1330, y + SMALL / 2)
    sheet.axes.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=9, color=INK))
    sheet.text(1214, y + SMALL / 2 - 20, "sum, then ReLU", 7.5, color=FAINT)
    value = result(S, FILTERS[number])
    sheet.image(value, 1360, y, SMALL, INK, **shades(value))
    sheet.text(1510, y + SMALL / 2, f"$Y_{number + 1}$", 9.5, ha="left")


def draw_filters(sheet: Sheet, S: np.ndarray) -> None:
    """The lower half: two filters, lookup by lookup."""
    sheet.panel(20, 350, 1640, 490)
    title = "2.  In each filter: a few lookups, each a scaled, shifted copy of a map"
    sheet.text(44, 386, title, 9.5, ha="left", weight="bold")
    draw_filter(sheet, S, 0, 424)
    sheet.text(291, 424 + SMALL / 2 - 40, "C", 9, weight="bold")
    sheet.text(346, 424 + SMALL + 34, "I", 9, weight="bold")
    draw_filter(sheet, S, 1, 634)
    sheet.text(70, 634 + SMALL + 34, "… and so on, n filters", 8, ha="left", color=FAINT)


def draw(path: Path) -> None:
    """Write the figure as PNG."""
    X = photograph()
    S = np.tensordot(D, X, 1)
    sheet = Sheet(1680, 860)
    draw_maps(sheet, X, S)
    draw_filters(sheet, S)
    sheet.figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "lookup_layer.png")
