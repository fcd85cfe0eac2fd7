"""Every target is read off the measurements, and one bad number misses its threshold alone."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison.callers import Calls
from benchmarks.comparison.cold_start import Start
from benchmarks.comparison.matchups import MULTIPLIED_OUT, PRECISIONS, Entry, matchups
from benchmarks.comparison.measuring import Measurement
from benchmarks.comparison.surroundings import Figure
from benchmarks.comparison.targets import ACCURATE, BARS, CALL_COST, FAST, NORMALISING, all_thresholds, busy
from benchmarks.comparison.thresholds import Results, Verdict, judge, values_of
from benchmarks.networks.model_files import SHIPPED
from benchmarks.networks.workloads import WORKLOADS
from tests.helpers.measurements import GROUPS, MATCHUP, OURS, THEIRS


def _everything_good() -> Results:
    """Numbers far above every threshold: each of ours takes as long alone as it should, all else takes ages."""
    results = Results()
    for matchup in matchups(list(GROUPS.values()), [1, 32], [1, 2]):
        found = {}
        for entry in matchup.entries:
            ours = entry.engine.startswith("lcnn") and MULTIPLIED_OUT not in entry.network
            time = (1.0 if ours else 1000.0) / entry.threads / (2 if entry.batch > 1 else 1)
            found[entry] = Measurement(entry, difference=1e-7, share=0.5, rounds=[time])
        results.matchups[matchup.name] = found
    scalar = [Entry("lcnn-scalar", network) for group in GROUPS.values() for network in group.lookup]
    results.matchups["lcnn-scalar"] = {entry: Measurement(entry, difference=1e-7) for entry in scalar}
    for entry, size in ((OURS, 1.0), (THEIRS, 10.0), (Entry("litert-int8", "alexnet-dense"), 2.0)):
        results.starts[entry] = Start(entry, whole=[size], peak=[size])
    for entry in (FAST, ACCURATE):
        results.calls[entry] = Calls(entry, alone=[1.0], together=[[1.0, 1.0]])
        results.figures[busy(entry)] = Figure(rounds=[0.9])
    results.figures |= {CALL_COST: Figure(rounds=[2.0]), NORMALISING: Figure(rounds=[6.0])}
    results.guarantees = {
        "heap_left": 0, "held_by_a_call": 900, "growth": 0,
        "other_bits": {network: [] for group in GROUPS.values() for network in group.scaled},
    }  # fmt: skip
    return results


def _verdicts(results: Results) -> list[Verdict]:
    thresholds = all_thresholds(GROUPS)
    return judge(thresholds, [values_of(thresholds, results)])


def test_every_target_is_read_off_the_measurements() -> None:
    verdicts = _verdicts(_everything_good())
    assert [verdict.threshold.title for verdict in verdicts if verdict.median is None] == []
    assert [verdict.threshold.title for verdict in verdicts if not verdict.holds] == []
    assert len({verdict.threshold.title for verdict in verdicts}) == len(verdicts) >= 80


def test_every_bar_is_of_networks_and_precisions_that_are_there() -> None:
    assert {bar.network for bar in BARS} <= {*WORKLOADS, SHIPPED}
    assert {bar.precision for bar in BARS} == set(PRECISIONS)
    assert len({(bar.network, bar.precision, bar.against) for bar in BARS}) == len(BARS)
    assert all(bar.bound or bar.aim for bar in BARS)


def _slow(engine: str, network: str, group: str):
    """Take a hundred times as long in one matchup as the others of ours."""

    def spoil(results: Results) -> None:
        results.matchups[f"{group}, batch 1, threads 1"][Entry(engine, network)].rounds = [900.0]

    return spoil


@pytest.mark.parametrize(
    ("title", "spoil"),
    [
        ("best kernels: distance", lambda r: setattr(r.matchups[MATCHUP.name][OURS], "difference", 2e-5)),
        ("portable kernels: distance", lambda r: r.matchups.pop("lcnn-scalar")),
        (
            "bfloat16: of what rounding can do",
            lambda r: setattr(r.matchups[MATCHUP.name][Entry("lcnn-bf16", "alexnet-dense")], "share", 1.1),
        ),
        ("other bits", lambda r: r.guarantees["other_bits"].update({"small-lookup": ["two threads"]})),
        ("run(x, out=): bytes left", lambda r: r.guarantees.update(heap_left=64)),
        ("MiB grown", lambda r: r.guarantees.update(growth=2**20)),
        ("fast: cold start, of ONNX", lambda r: setattr(r.starts[THEIRS], "whole", [3.0])),
        ("fast: cold start, of LiteRT", lambda r: setattr(r.starts[OURS], "whole", [1.9])),
        ("fast: peak memory", lambda r: setattr(r.starts[OURS], "peak", [2.1])),
        ("fast: two callers", lambda r: setattr(r.calls[OURS], "together", [[0.75, 0.8]])),
        (CALL_COST, lambda r: setattr(r.figures[CALL_COST], "rounds", [3.1])),
        (busy(FAST), lambda r: setattr(r.figures[busy(FAST)], "rounds", [0.5])),
        ("efficientnet-lite0, bfloat16: x ONNX", _slow("lcnn-bf16", "efficientnet-lite0", "efficientnet-lite0")),
        ("cnn28-pruned, float32: x ONNX Runtime on cnn28-half", _slow("lcnn", "cnn28-pruned", "cnn28")),
        ("resnet18-lookup-accurate-16x2, int8", _slow("lcnn-int8", "resnet18-lookup-accurate-16x2", "resnet18")),
    ],
)  # fmt: skip
def test_one_bad_number_misses_its_threshold_alone(title: str, spoil) -> None:
    results = _everything_good()
    spoil(results)
    short = [verdict.threshold for verdict in _verdicts(results) if not verdict.holds or verdict.reaches_aim is False]
    assert len(short) == 1
    assert short[0].title.startswith(title)
