"""A profile as an image: steps as bars on a time axis, those of the dense equivalent above, and below what it takes a
lens to see."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ..plan.calls import StepKind
from ..utils.drawing import Drawing, checked_format, text_width
from ..utils.text import counted
from .timings import ProfileStep, Timings

__all__ = ["category_of", "draw_timeline"]

WIDTH, LEFT, RIGHT = 1200, 36, 1164
BAR = 42  # height of a bar
FIRST = 174  # top of the first
LENS_FROM = 2.0  # a network that is so many times faster than its dense equivalent is drawn once more, larger
INK, GREY, FAINT = "#1f2430", "#646c7a", "#e6e9ee"
LENS = "#f2f4f8"

# Category of steps -> its colour: the palettes of Okabe and Ito, and Tol, which colour-blind readers can tell apart.
COLOURS = {
    "dictionary, S = D X": "#0072B2",
    "lookups": "#E69F00",
    "dense convolution": "#44617d",
    "dense layer": "#009E73",
    "pooling": "#CC79A7",
    "layout": "#a9b1bd",
    "other": "#787f8c",
}
CATEGORIES = {
    StepKind.INPUT: "layout",
    StepKind.OUTPUT: "layout",
    StepKind.REORDER: "layout",
    StepKind.SPLIT_BY_STRIDE: "layout",
    StepKind.PACK_PAIRS: "layout",
    StepKind.PACK_QUADS: "layout",
    StepKind.DICTIONARY: "dictionary, S = D X",
    StepKind.NONZEROS: "dense layer",
    StepKind.DENSE: "dense layer",
    StepKind.LOOKUP_TILE: "lookups",
    StepKind.LOOKUP_GATHER: "lookups",
    StepKind.LOOKUP_SHARED: "lookups",
    StepKind.CONV: "dense convolution",
    StepKind.CONV_PATCHES: "dense convolution",
    StepKind.CONV_DEPTHWISE: "dense convolution",
    StepKind.WINOGRAD_INPUT: "dense convolution",
    StepKind.CONV_WINOGRAD: "dense convolution",
    StepKind.POOL: "pooling",
    StepKind.GLOBAL_POOL: "pooling",
    StepKind.POINTWISE: "other",
    StepKind.COMBINE: "other",
    StepKind.LRN: "other",
    StepKind.SOFTMAX: "other",
    StepKind.NORM: "other",
    StepKind.CHANNEL_POOL: "pooling",
    StepKind.CONSTANT: "other",
    StepKind.GATHER: "other",
    StepKind.INTERPOLATE: "other",
}


class Track(NamedTuple):
    """Where a bar lies: its top, the pixels of a second, and the seconds of the whole."""

    top: float
    scale: float
    seconds: float


def category_of(step: ProfileStep, lookup_layers: Sequence[str]) -> str:
    """Find the key of ``COLOURS`` for a step.

    The dictionary of a layer on vectors is multiplied as a dense layer is, and a convolution in many groups runs as
    lookups: there the layer decides.
    """
    category = CATEGORIES[step.kind]
    if step.name in lookup_layers:
        return "dictionary, S = D X" if category == "dense layer" else category
    return "dense convolution" if category == "lookups" else category


def draw_timeline(profile: Timings, path: str | os.PathLike[str]) -> None:
    """Draw ``profile`` as a PNG or an SVG. Raises InputError for another ending of ``path``, OSError."""
    checked_format(path)
    drawing = Drawing(WIDTH)
    _head(drawing, profile)
    if profile.dense is None:
        _alone(drawing, profile, FIRST, "this network")
    else:
        _beside_dense(drawing, profile, profile.dense, profile.dense_seconds or 0.0)
    drawing.save(path)


def _alone(drawing: Drawing, profile: Timings, top: float, name: str) -> Track:
    """Draw the network over the whole width, its axis below."""
    track = Track(top, (RIGHT - LEFT) / (profile.seconds or 1e-9), profile.seconds)
    _axis(drawing, profile.seconds, track.scale, top + BAR, top + BAR + 5, top + BAR + 20)
    _track(drawing, profile.steps, profile.lookup_layers, track, name)
    return track


def _beside_dense(drawing: Drawing, profile: Timings, dense: Sequence[ProfileStep], dense_seconds: float) -> None:
    """Draw the dense equivalent above the network on one axis; a network that is much faster once more, larger."""
    lens = profile.ratio is not None and profile.ratio >= LENS_FROM
    longest = max(profile.seconds, dense_seconds) or 1e-9
    scale = (RIGHT - LEFT) / longest
    ours = Track(FIRST + BAR + (62 if lens else 84), scale, profile.seconds)
    _axis(drawing, longest, scale, FIRST - 40, ours.top + BAR, FIRST + BAR + 20)
    if lens:
        top = ours.top + BAR + 92
        _lens(drawing, ours, top)
        _alone(drawing, profile, top, f"the same, {profile.ratio:.1f} times larger")
    _track(drawing, dense, (), Track(FIRST, scale, dense_seconds), "its dense equivalent")
    _track(drawing, profile.steps, profile.lookup_layers, ours, "this network", not lens)


def _head(drawing: Drawing, profile: Timings) -> None:
    """Write the title, what was measured, and the colours in use."""
    title = profile.model if profile.ratio is None else f"{profile.model}: {_times(profile.ratio)} its dense equivalent"
    drawing.text((LEFT, 46), clipped(title, 26, RIGHT - LEFT), 26, INK)
    facts = f"{profile.variant}, {counted(profile.threads, 'thread')}, one image, medians of {profile.runs} runs"
    drawing.text((LEFT, 72), facts, 15, GREY)
    used = {category_of(step, profile.lookup_layers) for step in profile.steps}
    used |= {category_of(step, ()) for step in profile.dense or ()}
    x = float(LEFT)
    for category in (category for category in COLOURS if category in used):
        drawing.rectangle(x, 92, x + 13, 105, COLOURS[category])
        drawing.text((x + 19, 104), category, 14, INK)
        x += 19 + text_width(category, 14) + 24


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times as fast as" if ratio >= 1 else f"{1 / ratio:.1f} times as slow as"


def _track(
    drawing: Drawing,
    steps: Sequence[ProfileStep],
    lookup_layers: Sequence[str],
    track: Track,
    name: str,
    labelled: bool = True,
) -> None:
    """Draw a bar of steps, under the names of their layers where there is room."""
    above = track.top - (28 if labelled else 10)
    drawing.text((LEFT, above), f"{name}: {time_text(track.seconds)}", 15, INK)
    x = float(LEFT)
    for step in steps:
        width = step.seconds * track.scale
        _step(drawing, step, COLOURS[category_of(step, lookup_layers)], x, width, track.top, labelled)
        x += width
    for start, width, layer in _layers(steps, track.scale) if labelled else ():
        drawing.rectangle(start + 1, track.top - 5, start + width - 1, track.top - 3.5, GREY)
        drawing.text((start + width / 2, track.top - 9), layer, 13, GREY, "middle")


def _layers(steps: Sequence[ProfileStep], scale: float) -> list[tuple[float, float, str]]:
    """Give left, width and name of the layers, or of blocks of them, that there is room to name.

    Of names in parts, like ``stage1.block2.conv1``, as many parts are taken as name most of the bar.
    """
    parts = max((step.name.count(".") for step in steps), default=0) + 1
    found = [_named(steps, scale, count) for count in range(parts, 0, -1)]
    return max(found, key=lambda layers: round(sum(width for _, width, _ in layers)), default=[])


def _named(steps: Sequence[ProfileStep], scale: float, parts: int) -> list[tuple[float, float, str]]:
    found, x = [], float(LEFT)
    for name, group in groupby(steps, key=lambda step: ".".join(step.name.split(".")[:parts])):
        width = sum(step.seconds for step in group) * scale
        if text_width(name, 13) + 6 <= width:
            found.append((x, width, name))
        x += width
    return found


def _step(
    drawing: Drawing, step: ProfileStep, colour: str, left: float, width: float, top: float, labelled: bool
) -> None:
    gap = 0.5 if width > 3 else 0.0
    drawing.rectangle(left, top, left + max(width - gap, 0.25), top + BAR, colour)
    time = time_text(step.seconds)
    if labelled and text_width(time, 13) + 6 <= width:
        drawing.text((left + width / 2, top + BAR / 2 + 5), time, 13, _ink_on(colour), "middle")


def _ink_on(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 150 else INK


def _lens(drawing: Drawing, small: Track, top: float) -> None:
    """Draw the shade that leads from a bar to its larger self."""
    bottom, shoulder = small.top + BAR, top - 48
    corners = [(LEFT, bottom), (LEFT + small.seconds * small.scale, bottom), (RIGHT, shoulder)]
    drawing.polygon([*corners, (RIGHT, top), (LEFT, top)], LENS)


def _axis(drawing: Drawing, seconds: float, scale: float, top: float, bottom: float, baseline: float) -> None:
    """Draw faint lines at round times, from ``top`` to ``bottom``, and the times at ``baseline``."""
    for time in ticks(seconds):
        x = LEFT + time * scale
        drawing.rectangle(x - 0.5, top, x + 0.5, min(bottom, baseline - 14), FAINT)
        if bottom > baseline:
            drawing.rectangle(x - 0.5, baseline + 6, x + 0.5, bottom, FAINT)
        drawing.text((x, baseline), tick_text(time), 12, GREY, "middle")


def ticks(longest: float) -> Iterator[float]:
    """Give about eight round numbers from 0 to ``longest``."""
    rough = max(longest, 1e-9) / 8
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))
    for number in range(int(longest / step * (1 + 1e-9)) + 1):
        yield number * step


def time_text(seconds: float) -> str:
    """Write ``13.2 ms``: three digits or so, in the unit that fits."""
    size, unit = _unit(seconds)
    digits = max(0, 2 - math.floor(math.log10(max(seconds / size, 1.0)) + 1e-3))
    return f"{seconds / size:.{digits}f} {unit}"


def tick_text(seconds: float) -> str:
    """Write a round time, without zeros that say nothing."""
    size, unit = _unit(seconds)
    return f"{seconds / size:.6g} {unit}" if seconds else "0"


def _unit(seconds: float) -> tuple[float, str]:
    """Find the largest unit below ``seconds``, and its name."""
    return next(((size, unit) for unit, size in (("s", 1.0), ("ms", 1e-3)) if seconds >= 0.9995 * size), (1e-6, "us"))


def clipped(text: str, size: float, width: float) -> str:
    """Give ``text``, or as much of its beginning as fits."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}...", size) > width:
        text = text[:-1]
    return f"{text}..."
