"""Profiles: what is timed, the dense twin, the table, trace events, and the picture."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import InputError, Net
from lcnn_engine.analysis.profile import ROUNDS, Profile, ProfileStep, _medians
from lcnn_engine.analysis.timeline import KINDS, kind_of, tick_text, ticks, time_text
from lcnn_engine.interop.dense import dense_equivalent
from lcnn_engine.model.graph import Conv2D
from lcnn_engine.utils.drawing import Drawing
from tests.helpers.networks import chain, pictures, small_classifier, with_tensors

LOOKUP_LAYERS = ("conv1", "conv2", "fc6", "fc7")


@pytest.fixture(scope="module")
def profile() -> Profile:
    graph, tensors = small_classifier()
    return Net(graph, tensors, threads=1).profile(pictures(graph)[0], runs=3, dense=True)


def made(seconds: float, dense: float | None = None, name: str = "net", layer: str = "conv", count: int = 1) -> Profile:
    """A profile of ``count`` steps of a lookup layer, and perhaps of a dense one."""
    steps = [ProfileStep(layer, "lookup_conv2d", "lookup 13x16", seconds / count, 10) for _ in range(count)]
    twin = None if dense is None else [ProfileStep(layer, "conv2d", "conv 64", dense, 100)]
    return Profile(name, "scalar", 1, 5, steps, (layer,), twin)


class TestDenseTwin:
    def test_computes_the_same(self):
        graph, tensors = small_classifier()
        x = pictures(graph)[0]
        expected = Net(graph, tensors, threads=1).run(x)
        found = Net(*dense_equivalent(graph, tensors), threads=1).run(x)
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()

    def test_every_lookup_layer_has_a_time_beside_it(self, profile: Profile):
        assert tuple(profile.dense_layers()) == profile.lookup_layers == LOOKUP_LAYERS
        assert all(seconds > 0 for seconds in profile.dense_layers().values())
        assert profile.ratio == profile.dense_seconds / profile.seconds

    def test_the_table_shows_it_once_a_layer(self, profile: Profile):
        head, names, *rows, total = str(profile).splitlines()
        assert head.endswith(f"its dense twin takes {profile.ratio:.1f} times as long")
        end = names.index("dense us") + len("dense us")
        shown = [row.split()[0] for row in rows if len(row) == end]
        assert shown == list(LOOKUP_LAYERS)
        assert total.endswith(f"{1e6 * profile.dense_seconds:.1f}")

    def test_only_when_asked_for(self):
        graph, tensors = small_classifier()
        alone = Net(graph, tensors, threads=1).profile(pictures(graph)[0], runs=1)
        assert (alone.dense, alone.dense_seconds, alone.ratio, alone.dense_layers()) == (None, None, None, {})
        assert "dense us" not in str(alone)

    def test_a_network_without_lookups_has_none(self):
        conv = Conv2D(name="conv", inputs=("image",), filters=3, kernel_size=(1, 1))
        graph, tensors = with_tensors(chain([conv], (4, 4, 2)))
        with pytest.raises(InputError, match="lookup layers"):
            Net(graph, tensors, threads=1).profile(pictures(graph)[0], dense=True)

    def test_on_two_threads(self, profile: Profile):
        graph, tensors = small_classifier()
        both = Net(graph, tensors, threads=2).profile(pictures(graph)[0], runs=2, dense=True)
        assert both.threads == 2
        assert [step.name for step in both.steps] == [step.name for step in profile.steps]


@pytest.mark.parametrize("runs", [1, 4, ROUNDS, ROUNDS + 2])
def test_the_first_run_of_a_turn_does_not_count(runs: int):
    """Two plans take turns; the first run after a turn is slow, as the other plan has had the caches."""
    last: list[object] = []
    calls = {"a": 0, "b": 0}

    def plan(name: str, seconds: float) -> SimpleNamespace:
        def run(_pictures: object, _outputs: object, _threads: int, times: np.ndarray) -> bool:
            calls[name] += 1
            times += seconds if last[-1:] == [name] else 1000.0
            last.append(name)
            return True

        return SimpleNamespace(output_shapes=[(1,)], steps=[None], run=run)

    found = _medians([plan("a", 1.0), plan("b", 2.0)], np.zeros((1, 1, 1, 1), np.float32), 1, runs)
    assert [float(times[0]) for times in found] == [1.0, 2.0]
    assert calls == dict.fromkeys("ab", runs + min(runs, ROUNDS))


class TestTrace:
    def test_events(self, profile: Profile, tmp_path: Path):
        profile.save_trace(tmp_path / "trace.json")
        events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
        tracks = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        assert tracks == {1: "this network", 2: "its dense twin"}
        for track, steps in ((1, profile.steps), (2, profile.dense)):
            own = [event for event in events if event["ph"] == "X" and event["tid"] == track]
            assert [event["name"] for event in own] == [f"{step.name}: {step.op}" for step in steps]
            assert sum(event["dur"] for event in own) == pytest.approx(1e6 * sum(s.seconds for s in steps), abs=0.1)
            for before, after in pairwise(own):
                assert after["ts"] == pytest.approx(before["ts"] + before["dur"], abs=0.01)
            for event, step in zip(own, steps, strict=True):
                assert event["args"].keys() == {"kernel", "multiplications", "GFLOP/s"}
                assert event["args"]["multiplications"] == step.multiplications

    def test_one_track_without_a_twin(self, tmp_path: Path):
        made(1e-3).save_trace(tmp_path / "trace.json")
        events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
        assert {event["tid"] for event in events} == {1}

    def test_no_event_overlaps_the_next(self, tmp_path: Path):
        """Not even when a reader cuts its times down to whole nanoseconds, as Perfetto does."""
        made(0.01, count=1999).save_trace(tmp_path / "trace.json")
        events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
        own = [event for event in events if event["ph"] == "X"]
        assert len(own) == 1999
        for before, after in pairwise(own):
            assert int(1000 * before["ts"]) + int(1000 * before["dur"]) <= int(1000 * after["ts"])


class TestPicture:
    def test_png(self, profile: Profile, tmp_path: Path):
        profile.save_plot(tmp_path / "plot.PNG")
        with Image.open(tmp_path / "plot.PNG") as image:
            assert image.format == "PNG"
            assert image.width == 2400
            colours = {colour for _, colour in image.getcolors(2**24)}
        for kind in {kind_of(step, profile.lookup_layers) for step in profile.steps}:
            assert tuple(bytes.fromhex(KINDS[kind][1:])) in colours, kind

    def test_svg(self, profile: Profile, tmp_path: Path):
        profile.save_plot(tmp_path / "plot.svg")
        root = ElementTree.parse(tmp_path / "plot.svg").getroot()
        texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert texts[0].startswith("small-classifier: ")
        assert any(text.startswith("its dense twin: ") for text in texts)

    @pytest.mark.parametrize(
        ("ratio", "title", "bars"), [(0.5, "2.0 times as slow", 2), (1.5, "1.5 times as fast", 2), (40, "40.0", 3)]
    )
    def test_title_and_bars(self, tmp_path: Path, ratio: float, title: str, bars: int):
        made(1e-3, ratio * 1e-3).save_plot(tmp_path / "plot.svg")
        text = (tmp_path / "plot.svg").read_text()
        assert title in text
        assert text.count(" ms</text>") + text.count(" us</text>") > bars
        assert sum(name in text for name in ("its dense twin: ", "this network: ", "times larger: ")) == bars

    @pytest.mark.parametrize(
        "profile",
        [
            made(0.0),
            made(0.0, 0.0),
            made(1e-9, 3000.0),
            made(0.01, count=5000),
            made(1.0, name="n" * 500, layer="<&>\x1b猫" * 40),
            made(1.0, 0.2, layer="a.b.c.d"),
        ],
        ids=["no time", "no time at all", "far apart", "many steps", "names", "slow"],
    )
    @pytest.mark.parametrize("ending", ["png", "svg"])
    def test_extremes(self, profile: Profile, ending: str, tmp_path: Path):
        path = tmp_path / f"plot.{ending}"
        profile.save_plot(path)
        if ending == "svg":
            ElementTree.parse(path)
        else:
            Image.open(path).load()

    def test_blocks_are_named_where_layers_have_no_room(self, tmp_path: Path):
        names = [f"stage{s}.block{b}.conv{c}" for s in range(2) for b in range(4) for c in range(4)]
        steps = [ProfileStep(name, "conv2d", "conv 64", 1e-3, 0) for name in names]
        Profile("net", "scalar", 1, 5, steps, ()).save_plot(tmp_path / "plot.svg")
        text = (tmp_path / "plot.svg").read_text()
        assert all(f">stage{s}.block{b}<" in text for s in range(2) for b in range(4))

    @pytest.mark.parametrize("name", ["plot", "plot.jpg", "plot.png.txt", ".png"])
    def test_other_endings(self, profile: Profile, name: str, tmp_path: Path):
        with pytest.raises(InputError, match=r"\.png or \.svg"):
            profile.save_plot(tmp_path / name)
        assert not list(tmp_path.iterdir())


class TestWriting:
    @pytest.mark.parametrize("save", [Profile.save_plot, Profile.save_trace])
    def test_places_that_take_no_file(self, profile: Profile, save, tmp_path: Path):
        folder = tmp_path / "folder.png"
        folder.mkdir()
        (tmp_path / "file").touch()
        for path, error in (
            (folder, IsADirectoryError),
            (tmp_path / "none" / "plot.png", FileNotFoundError),
            (tmp_path / "file" / "plot.png", NotADirectoryError),
        ):
            with pytest.raises(error, match=str(path)):
                save(profile, path)
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder.png"]

    def test_nothing_is_half_written(self, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        path = tmp_path / "plot.svg"
        profile.save_plot(path)
        before = path.read_bytes()

        def fail(_: Drawing) -> str:
            raise MemoryError

        monkeypatch.setattr(Drawing, "_svg", fail)
        with pytest.raises(MemoryError):
            profile.save_plot(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


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
