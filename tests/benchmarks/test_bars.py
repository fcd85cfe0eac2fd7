"""Bars hold or are missed by the numbers, whatever these are; a missed ratio is measured again before it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import bars, tables
from benchmarks.comparison.bars import Bar, Results, Source, faster, judge
from benchmarks.comparison.callers import Calls
from benchmarks.comparison.cold import Start
from benchmarks.comparison.contests import Entry, contests, groups
from benchmarks.comparison.measuring import Measurement, ratio

GROUPS = {group.name: group for group in groups()}
CONTEST = GROUPS["alexnet"].contest(1, 1)
OURS, THEIRS = bars.FAST, Entry("onnxruntime", "alexnet-dense")


def _measured(ours: list[float], theirs: list[float]) -> dict[Entry, Measurement]:
    return {OURS: Measurement(OURS, rounds=ours), THEIRS: Measurement(THEIRS, rounds=theirs)}


class Lab:
    """Measures the same ratio every time, and remembers what it was asked for."""

    def __init__(self, times: float) -> None:
        self.times = times
        self.asked: list[object] = []

    def contest(self, contest) -> dict[Entry, Measurement]:
        self.asked.append(contest)
        return _measured([1.0], [self.times])

    def starts(self, entries) -> dict[Entry, Start]:
        self.asked.append(entries)
        return {entry: Start(entry, whole=[1.0], peak=[1.0]) for entry in entries}

    def calls(self, entries) -> dict[Entry, Calls]:
        self.asked.append(entries)
        return {entry: Calls(entry, alone=[1.0], together=[[self.times / 2] * 2]) for entry in entries}


def _judge(first: float, again: float, bound: float = 3.0) -> tuple[bars.Verdict, Lab]:
    lab = Lab(again)
    bar = Bar("times", faster(CONTEST, THEIRS, OURS), bound, 5.0)
    (verdict,) = judge([bar], Results({CONTEST.name: _measured([1.0], [first])}), lab)
    return verdict, lab


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    found = _measured([1.0, 2.0, 1.0], [3.0, 10.0, 2.0])
    assert ratio(found, THEIRS, OURS) == 3.0
    assert ratio(found, replace(THEIRS, batch=32), OURS) is None


def test_what_holds_is_not_measured_again() -> None:
    verdict, lab = _judge(3.2, 1.0)
    assert verdict.holds
    assert verdict.reaches_aim is False
    assert not lab.asked


def test_what_misses_is_measured_once_more() -> None:
    verdict, lab = _judge(2.5, 3.5)
    assert verdict.holds
    assert (verdict.first, verdict.second, verdict.value) == (2.5, 3.5, 3.5)
    (contest,) = lab.asked
    assert contest.entries == (THEIRS, OURS)


def test_what_misses_twice_is_missed() -> None:
    verdict, lab = _judge(2.5, 2.0)
    assert not verdict.holds
    assert verdict.value == 2.5
    assert len(lab.asked) == 1


def test_ratios_are_compared_as_they_are_printed() -> None:
    assert _judge(2.996, 1.0)[0].holds
    assert not _judge(2.994, 1.0)[0].holds


def test_what_was_not_measured_does_not_hold() -> None:
    lab = Lab(100.0)
    (verdict,) = judge([Bar("times", faster(CONTEST, THEIRS, OURS), 3.0)], Results(), lab)
    assert not verdict.holds
    assert not lab.asked
    assert "not measured" in tables.bars_table([verdict])


def test_an_aim_alone_is_never_missed() -> None:
    (verdict,) = judge([Bar("aim", Source(lambda _: 0.5), None, 1.0)], Results())
    assert verdict.holds
    assert "aim missed" in tables.bars_table([verdict])


@pytest.mark.parametrize(("value", "holds"), [(0.19, True), (0.204, True), (0.21, False)])
def test_small_numbers_are_good_where_the_bar_says_so(value: float, holds: bool) -> None:
    (verdict,) = judge([Bar("memory", Source(lambda _: value), 0.2, None, True)], Results())
    assert verdict.holds is holds


def _everything_good() -> Results:
    """Numbers far above every bar: each of ours takes as long alone as it should, all else takes ages."""
    results = Results()
    for contest in contests(list(GROUPS.values()), [1, 32], [1, 2]):
        found = {}
        for entry in contest.entries:
            ours = entry.engine.startswith("lcnn")
            time = (1.0 if ours and "dense" not in entry.network else 1000.0) / entry.threads
            found[entry] = Measurement(entry, difference=1e-7, rounds=[time])
        results.contests[contest.name] = found
    scalar = [Entry("lcnn-scalar", network) for group in GROUPS.values() for network in group.lookup]
    results.contests["lcnn-scalar"] = {entry: Measurement(entry, difference=1e-7) for entry in scalar}
    for entry, size in ((OURS, 1.0), (THEIRS, 10.0), (Entry("litert-int8", "alexnet-dense"), 2.0)):
        results.starts[entry] = Start(entry, whole=[size], peak=[size])
    for entry in (bars.FAST, bars.ACCURATE):
        results.calls[entry] = Calls(entry, alone=[1.0], together=[[1.0, 1.0]])
    results.promises = {
        "heap_left": 0, "held_by_a_call": 900, "growth": 0,
        "other_bits": {network: [] for group in GROUPS.values() for network in group.lookup},
    }  # fmt: skip
    return results


def test_every_bar_is_read_off_the_measurements() -> None:
    verdicts = judge(bars.all_bars(GROUPS), _everything_good())
    assert [verdict.bar.title for verdict in verdicts if verdict.first is None] == []
    assert [verdict.bar.title for verdict in verdicts if not verdict.holds] == []
    assert len({verdict.bar.title for verdict in verdicts}) == len(verdicts) >= 30


@pytest.mark.parametrize(
    ("title", "spoil"),
    [
        ("best kernels: distance", lambda r: setattr(r.contests[CONTEST.name][OURS], "difference", 2e-5)),
        ("portable kernels: distance", lambda r: r.contests.pop("lcnn-scalar")),
        ("other bits", lambda r: r.promises["other_bits"].update({"small-lookup": ["two threads"]})),
        ("run(x, out=): bytes left", lambda r: r.promises.update(heap_left=64)),
        ("MiB grown", lambda r: r.promises.update(growth=2**20)),
        ("fast: cold start, of ONNX", lambda r: setattr(r.starts[OURS], "whole", [3.0])),
        ("fast: peak memory", lambda r: setattr(r.starts[OURS], "peak", [2.1])),
        ("fast: two callers", lambda r: setattr(r.calls[OURS], "together", [[0.75, 0.8]])),
    ],
)
def test_one_bad_number_misses_its_bar_alone(title: str, spoil) -> None:
    results = _everything_good()
    spoil(results)
    missed = [verdict.bar.title for verdict in judge(bars.all_bars(GROUPS), results) if not verdict.holds]
    assert len(missed) == 1
    assert missed[0].startswith(title)


def test_every_kind_of_bar_can_be_measured_again() -> None:
    """A lab whose second numbers are all good saves every ratio that the first spoiled, and nothing else."""
    results = _everything_good()
    for found in results.contests.values():
        for one in found.values():
            one.rounds = [1.0] * len(one.rounds)
    results.starts[OURS].whole, results.starts[OURS].peak = [100.0], [100.0]
    results.calls[bars.FAST].together = [[0.5, 0.5]]
    lab = Lab(100.0)
    verdicts = judge(bars.all_bars(GROUPS), results, lab)
    again = {verdict.bar.title for verdict in verdicts if verdict.second is not None}
    one_of_each = {"fast: x ONNX Runtime, dense twin", "fast: cold start, of ONNX Runtime's",
                   "fast: peak memory, of ONNX Runtime's", "fast: two callers on two cores, x one"}  # fmt: skip
    assert again >= one_of_each
