"""Every target is read off the measurements, and one bad number misses its threshold alone."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison.callers import Calls
from benchmarks.comparison.cold_start import Start
from benchmarks.comparison.matchups import Entry, matchups
from benchmarks.comparison.measuring import Measurement
from benchmarks.comparison.targets import ACCURATE, FAST, all_thresholds
from benchmarks.comparison.thresholds import Results, judge
from tests.helpers.measurements import GROUPS, MATCHUP, OURS, THEIRS, FixedHarness


def _everything_good() -> Results:
    """Numbers far above every threshold: each of ours takes as long alone as it should, all else takes ages."""
    results = Results()
    for matchup in matchups(list(GROUPS.values()), [1, 32], [1, 2]):
        found = {}
        for entry in matchup.entries:
            ours = entry.engine.startswith("lcnn")
            time = (1.0 if ours and "dense" not in entry.network else 1000.0) / entry.threads
            found[entry] = Measurement(entry, difference=1e-7, rounds=[time])
        results.matchups[matchup.name] = found
    scalar = [Entry("lcnn-scalar", network) for group in GROUPS.values() for network in group.lookup]
    results.matchups["lcnn-scalar"] = {entry: Measurement(entry, difference=1e-7) for entry in scalar}
    for entry, size in ((OURS, 1.0), (THEIRS, 10.0), (Entry("litert-int8", "alexnet-dense"), 2.0)):
        results.starts[entry] = Start(entry, whole=[size], peak=[size])
    for entry in (FAST, ACCURATE):
        results.calls[entry] = Calls(entry, alone=[1.0], together=[[1.0, 1.0]])
    results.guarantees = {
        "heap_left": 0, "held_by_a_call": 900, "growth": 0,
        "other_bits": {network: [] for group in GROUPS.values() for network in group.lookup},
    }  # fmt: skip
    return results


def test_every_target_is_read_off_the_measurements() -> None:
    verdicts = judge(all_thresholds(GROUPS), _everything_good())
    assert [verdict.threshold.title for verdict in verdicts if verdict.first is None] == []
    assert [verdict.threshold.title for verdict in verdicts if not verdict.holds] == []
    assert len({verdict.threshold.title for verdict in verdicts}) == len(verdicts) >= 30


@pytest.mark.parametrize(
    ("title", "spoil"),
    [
        ("best kernels: distance", lambda r: setattr(r.matchups[MATCHUP.name][OURS], "difference", 2e-5)),
        ("portable kernels: distance", lambda r: r.matchups.pop("lcnn-scalar")),
        ("other bits", lambda r: r.guarantees["other_bits"].update({"small-lookup": ["two threads"]})),
        ("run(x, out=): bytes left", lambda r: r.guarantees.update(heap_left=64)),
        ("MiB grown", lambda r: r.guarantees.update(growth=2**20)),
        ("fast: cold start, of ONNX", lambda r: setattr(r.starts[OURS], "whole", [3.0])),
        ("fast: peak memory", lambda r: setattr(r.starts[OURS], "peak", [2.1])),
        ("fast: two callers", lambda r: setattr(r.calls[OURS], "together", [[0.75, 0.8]])),
    ],
)
def test_one_bad_number_misses_its_threshold_alone(title: str, spoil) -> None:
    results = _everything_good()
    spoil(results)
    missed = [verdict.threshold.title for verdict in judge(all_thresholds(GROUPS), results) if not verdict.holds]
    assert len(missed) == 1
    assert missed[0].startswith(title)


def test_every_kind_of_target_can_be_measured_again() -> None:
    """A harness whose second numbers are all good saves every ratio that the first spoiled, and nothing else."""
    results = _everything_good()
    for found in results.matchups.values():
        for one in found.values():
            one.rounds = [1.0] * len(one.rounds)
    results.starts[OURS].whole, results.starts[OURS].peak = [100.0], [100.0]
    results.calls[FAST].together = [[0.5, 0.5]]
    harness = FixedHarness(100.0)
    verdicts = judge(all_thresholds(GROUPS), results, harness)
    again = {verdict.threshold.title for verdict in verdicts if verdict.second is not None}
    one_of_each = {"fast: x ONNX Runtime, dense equivalent", "fast: cold start, of ONNX Runtime's",
                   "fast: peak memory, of ONNX Runtime's", "fast: two callers on two cores, x one"}  # fmt: skip
    assert again >= one_of_each
