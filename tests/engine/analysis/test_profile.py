"""Profiles: what is timed, the dense equivalent, the table, and the files that a profile is saved to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lcnn_engine import InputError, Net
from lcnn_engine.analysis.profile import ROUNDS, Profile, _medians
from lcnn_engine.interop.dense import dense_equivalent
from lcnn_engine.model.graph import Conv2D
from lcnn_engine.plan.calls import StepKind
from lcnn_engine.utils.drawing import Drawing
from tests.helpers.networks import chain, images, small_classifier, with_tensors

LOOKUP_LAYERS = ("conv1", "conv2", "fc6", "fc7")


class TestDenseEquivalent:
    def test_computes_the_same(self):
        graph, tensors = small_classifier()
        x = images(graph)[0]
        expected = Net(graph, tensors, threads=1).run(x)
        found = Net(*dense_equivalent(graph, tensors), threads=1).run(x)
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()

    def test_every_lookup_layer_has_a_time_beside_it(self, profile: Profile):
        assert tuple(profile.dense_layers()) == profile.lookup_layers == LOOKUP_LAYERS
        assert all(seconds > 0 for seconds in profile.dense_layers().values())
        assert profile.ratio == profile.dense_seconds / profile.seconds

    def test_the_table_shows_it_once_a_layer(self, profile: Profile):
        head, names, *rows, total = str(profile).split("\n\n")[0].splitlines()
        assert head.endswith(f"its dense equivalent takes {profile.ratio:.1f} times as long")
        end = names.index("dense us") + len("dense us")
        shown = [row.split()[0] for row in rows if len(row) == end]
        assert shown == list(LOOKUP_LAYERS)
        assert total.endswith(f"{1e6 * profile.dense_seconds:.1f}")

    def test_steps_say_their_kind(self, profile: Profile):
        kinds = {step.kind for step in profile.steps}
        assert kinds >= {StepKind.OUTPUT, StepKind.LOOKUP_TILE, StepKind.NONZEROS, StepKind.DENSE}
        assert StepKind.CONV in {step.kind for step in profile.dense}

    def test_only_when_asked_for(self):
        graph, tensors = small_classifier()
        alone = Net(graph, tensors, threads=1).profile(images(graph)[0], runs=1)
        assert (alone.dense, alone.dense_seconds, alone.ratio, alone.dense_layers()) == (None, None, None, {})
        assert "dense us" not in str(alone)

    def test_a_network_without_lookups_has_none(self):
        conv = Conv2D(name="conv", inputs=("image",), filters=3, kernel_size=(1, 1))
        graph, tensors = with_tensors(chain([conv], (4, 4, 2)))
        with pytest.raises(InputError, match="lookup layers"):
            Net(graph, tensors, threads=1).profile(images(graph)[0], dense=True)

    def test_on_two_threads(self, profile: Profile):
        graph, tensors = small_classifier()
        both = Net(graph, tensors, threads=2).profile(images(graph)[0], runs=2, dense=True)
        assert both.threads == 2
        assert [step.name for step in both.steps] == [step.name for step in profile.steps]


@pytest.mark.parametrize("runs", [1, 4, ROUNDS, ROUNDS + 2])
def test_the_first_run_of_a_turn_does_not_count(runs: int):
    """Two plans take turns; the first run after a turn is slow, as the other plan has had the caches."""
    last: list[object] = []
    calls = {"a": 0, "b": 0}

    def plan(name: str, seconds: float) -> SimpleNamespace:
        def run(_images: object, _outputs: object, _threads: int, times: np.ndarray) -> bool:
            calls[name] += 1
            times += seconds if last[-1:] == [name] else 1000.0
            last.append(name)
            return True

        return SimpleNamespace(output_shapes=[(1,)], steps=[None], run=run)

    found = _medians([plan("a", 1.0), plan("b", 2.0)], np.zeros((1, 1, 1, 1), np.float32), 1, runs)
    assert [float(times[0]) for times in found] == [1.0, 2.0]
    assert calls == dict.fromkeys("ab", runs + min(runs, ROUNDS))


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
