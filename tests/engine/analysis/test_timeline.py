"""A profile as an image: its formats, titles and bars, extremes, and the colours of its steps."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from lcnn_engine import InputError
from lcnn_engine.analysis.profile import Profile, ProfileStep
from lcnn_engine.analysis.timeline import CATEGORIES, COLOURS, category_of, tick_text, ticks, time_text
from lcnn_engine.plan.calls import StepKind
from tests.helpers.profiles import made_up


def test_png(profile: Profile, tmp_path: Path):
    profile.save_plot(tmp_path / "plot.PNG")
    with Image.open(tmp_path / "plot.PNG") as image:
        assert image.format == "PNG"
        assert image.width == 2400
        colours = {colour for _, colour in image.getcolors(2**24)}
    for category in {category_of(step, profile.lookup_layers) for step in profile.steps}:
        assert tuple(bytes.fromhex(COLOURS[category][1:])) in colours, category


def test_svg(profile: Profile, tmp_path: Path):
    profile.save_plot(tmp_path / "plot.svg")
    root = ElementTree.parse(tmp_path / "plot.svg").getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0].startswith("small-classifier: ")
    assert any(text.startswith("its dense equivalent: ") for text in texts)


@pytest.mark.parametrize(
    ("ratio", "title", "bars"), [(0.5, "2.0 times as slow", 2), (1.5, "1.5 times as fast", 2), (40, "40.0", 3)]
)
def test_title_and_bars(tmp_path: Path, ratio: float, title: str, bars: int):
    made_up(1e-3, ratio * 1e-3).save_plot(tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert title in text
    assert text.count(" ms</text>") + text.count(" us</text>") > bars
    assert sum(name in text for name in ("its dense equivalent: ", "this network: ", "times larger: ")) == bars


@pytest.mark.parametrize(
    "profile",
    [
        made_up(0.0),
        made_up(0.0, 0.0),
        made_up(1e-9, 3000.0),
        made_up(0.01, count=5000),
        made_up(1.0, name="n" * 500, layer="<&>\x1b猫" * 40),
        made_up(1.0, 0.2, layer="a.b.c.d"),
    ],
    ids=["no time", "no time at all", "far apart", "many steps", "names", "slow"],
)
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_extremes(profile: Profile, ending: str, tmp_path: Path):
    path = tmp_path / f"plot.{ending}"
    profile.save_plot(path)
    if ending == "svg":
        ElementTree.parse(path)
    else:
        Image.open(path).load()


def test_blocks_are_named_where_layers_have_no_room(tmp_path: Path):
    names = [f"stage{s}.block{b}.conv{c}" for s in range(2) for b in range(4) for c in range(4)]
    steps = [ProfileStep(name, "conv2d", "conv 64", 1e-3, 0, StepKind.CONV) for name in names]
    Profile("net", "scalar", 1, 5, steps, ()).save_plot(tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert all(f">stage{s}.block{b}<" in text for s in range(2) for b in range(4))


@pytest.mark.parametrize("name", ["plot", "plot.jpg", "plot.png.txt", ".png"])
def test_other_endings(profile: Profile, name: str, tmp_path: Path):
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        profile.save_plot(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_every_kind_of_step_has_a_colour():
    assert CATEGORIES.keys() == set(StepKind)
    assert set(CATEGORIES.values()) == COLOURS.keys()


@pytest.mark.parametrize(
    ("kind", "of_lookup_layer", "of_other_layer"),
    [
        (StepKind.NONZEROS, "dictionary, S = D X", "dense layer"),
        (StepKind.DENSE, "dictionary, S = D X", "dense layer"),
        (StepKind.LOOKUP_TILE, "lookups", "dense convolution"),
        (StepKind.LOOKUP_GATHER, "lookups", "dense convolution"),
        (StepKind.SPLIT_BY_STRIDE, "layout", "layout"),
    ],
)
def test_the_layer_decides_where_the_kind_does_not(kind: StepKind, of_lookup_layer: str, of_other_layer: str):
    step = ProfileStep("layer", "", "", 1.0, 0, kind)
    assert (category_of(step, ("layer",)), category_of(step, ())) == (of_lookup_layer, of_other_layer)


@pytest.mark.parametrize("longest", [3e-9, 1e-6, 9.99e-4, 1e-3, 0.0137, 2.0, 3601.0])
def test_ticks(longest: float):
    found = list(ticks(longest))
    assert found[0] == 0
    assert 4 <= len(found) <= 9
    assert longest - (found[1] - found[0]) < found[-1] <= longest * (1 + 1e-6)
    assert all(len(tick_text(time).split()[0]) <= 6 for time in found)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 us"), (3.149e-6, "3.15 us"), (36e-6, "36.0 us"), (999.4e-6, "999 us"), (999.6e-6, "1.00 ms"),
     (0.0137, "13.7 ms"), (0.5, "500 ms"), (2.0, "2.00 s"), (1234.0, "1234 s")],
)  # fmt: skip
def test_time_text(seconds: float, text: str):
    assert time_text(seconds) == text
