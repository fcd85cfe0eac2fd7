"""Every figure that the engine must reach, in one place, and how each is read off the measurements.

Speed is a ratio of times of the same rounds; a ratio is compared as it is printed, with two decimals. What was not
measured does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import cold
from .callers import Calls
from .contests import OURS, WRITTEN_OUT, Contest, Entry, Group, short
from .measuring import CLOSE, Measurement, again, ratio

MIB = 2**20
OBJECTS = 4096  # bytes of Python's own small objects that a call may hold while it runs


@dataclass
class Results:
    """All that was measured."""

    contests: dict[str, dict[Entry, Measurement]] = field(default_factory=dict)
    starts: dict[Entry, cold.Start] = field(default_factory=dict)
    calls: dict[Entry, Calls] = field(default_factory=dict)
    promises: dict[str, Any] = field(default_factory=dict)


class Lab(Protocol):
    """Measures; each method gives new measurements of a few entries."""

    def contest(self, contest: Contest) -> dict[Entry, Measurement]: ...

    def starts(self, entries: Sequence[Entry]) -> dict[Entry, cold.Start]: ...

    def calls(self, entries: Sequence[Entry]) -> dict[Entry, Calls]: ...


@dataclass(frozen=True)
class Source:
    """Where a bar's number comes from: read off the results, and off those of measuring only its part ``again``."""

    read: Callable[[Results], float | None]
    again: Callable[[Lab], Results] | None = None
    """None: the number is what it is."""


def faster(contest: Contest, theirs: Entry, ours: Entry) -> Source:
    """``theirs`` over ``ours``, in time a picture, both of one contest."""
    return Source(
        lambda results: ratio(results.contests.get(contest.name, {}), theirs, ours),
        lambda lab: Results(contests={contest.name: lab.contest(again(contest, [theirs, ours]))}),
    )


def cold_start(what: str, theirs: Entry, ours: Entry) -> Source:
    """Our cold start over theirs: time of the ``whole`` process, or ``peak`` memory."""
    return Source(
        lambda results: cold.quotient(results.starts, what, ours, theirs),
        lambda lab: Results(starts=lab.starts([theirs, ours])),
    )


def two_callers(entry: Entry) -> Source:
    """Predictions of two callers over those of one."""
    return Source(
        lambda results: results.calls[entry].ratio if entry in results.calls else None,
        lambda lab: Results(calls=lab.calls([entry])),
    )


@dataclass(frozen=True)
class Bar:
    """A figure to reach: ``bound`` must hold, ``aim`` is hoped for. ``at_most``: small numbers are good."""

    title: str
    source: Source
    bound: float | None
    aim: float | None = None
    at_most: bool = False
    shown: str = ".2f"

    def meets(self, value: float | None, wanted: float | None) -> bool:
        if wanted is None:
            return True
        if value is None:
            return False
        value = float(format(value, self.shown))
        return value <= wanted if self.at_most else value >= wanted


@dataclass(frozen=True)
class Verdict:
    """A bar and what was measured; ``second``: once more, because the first missed it. The better one counts."""

    bar: Bar
    first: float | None
    second: float | None = None

    @property
    def value(self) -> float | None:
        return self.second if self.second is not None and self.bar.meets(self.second, self.bar.bound) else self.first

    @property
    def holds(self) -> bool:
        return self.bar.meets(self.value, self.bar.bound)

    @property
    def reaches_aim(self) -> bool | None:
        return None if self.bar.aim is None else self.bar.meets(self.value, self.bar.aim)

    def as_json(self) -> dict[str, Any]:
        bar = self.bar
        numbers = {"bound": bar.bound, "aim": bar.aim, "at_most": bar.at_most, "first": self.first}
        verdict = {"second": self.second, "value": self.value, "holds": self.holds, "reaches_aim": self.reaches_aim}
        return {"bar": bar.title, **numbers, **verdict}


def judge(bars: Sequence[Bar], results: Results, lab: Lab | None = None) -> list[Verdict]:
    """Every bar's verdict; with a ``lab``, what misses is measured once more before it counts."""
    verdicts = []
    for bar in bars:
        first = bar.source.read(results)
        second = None
        if lab is not None and bar.source.again is not None and first is not None and not bar.meets(first, bar.bound):
            second = bar.source.read(bar.source.again(lab))
        verdicts.append(Verdict(bar, first, second))
    return verdicts


FAST, ACCURATE = Entry(OURS, "alexnet-lcnn-fast"), Entry(OURS, "alexnet-lcnn-accurate")
DENSE = "alexnet-dense"


def all_bars(groups: Mapping[str, Group]) -> list[Bar]:
    """The bars, in the order of the table; ``groups`` by name."""
    return [*_speed(groups), *_growth(groups), *_starts(), *_facts(groups)]


def _speed(groups: Mapping[str, Group]) -> list[Bar]:
    alexnet, resnet = groups["alexnet"].contest(1, 1), groups["resnet18"].contest(1, 1)
    rt, int8, dense = Entry("onnxruntime", DENSE), Entry("litert-int8", DENSE), Entry("onnxruntime", "resnet18-dense")

    def bar(title: str, contest: Contest, theirs: Entry, ours: Entry, bound: float | None, aim: float) -> Bar:
        return Bar(title, faster(contest, theirs, ours), bound, aim)

    def ours(network: str) -> Entry:
        return Entry(OURS, network)

    wide, written_out = Entry("onnxruntime", "alexnet-dense-wide"), ACCURATE.network + WRITTEN_OUT
    return [
        bar("fast: x ONNX Runtime, dense twin", alexnet, rt, FAST, 22, 26),
        bar("fast: x ONNX Runtime, wide AlexNet", alexnet, wide, FAST, 30, 37.6),
        bar("fast: x LiteRT int8, dense twin", alexnet, int8, FAST, 6.5, 9),
        bar("accurate: x ONNX Runtime, dense twin", alexnet, rt, ACCURATE, 3.0, 4.5),
        bar("accurate: x ONNX Runtime, D and P dense", alexnet, Entry("onnxruntime", written_out), ACCURATE, 9, 13),
        bar("accurate: x LiteRT int8, dense twin", alexnet, int8, ACCURATE, None, 1.0),
        bar("ResNet-18, k 16 to 128: x ONNX Runtime, dense", resnet, dense, ours("resnet18-lookup-fast"), 6, 10),
        bar("ResNet-18, k 128 to 1024: x ONNX Runtime, dense", resnet, dense, ours("resnet18-lookup-accurate"), 1.4, 2),
        bar("ResNet-18 pruned to 10%: x ONNX Runtime, dense", resnet, dense, ours("resnet18-pruned"), 3, 5),
    ]


def _growth(groups: Mapping[str, Group]) -> list[Bar]:
    """Threads, batches, callers, lesser kernels."""
    bars = []
    for name, entry, bound, aim in (("accurate", ACCURATE, 1.6, 1.9), ("fast", FAST, 1.3, 1.7)):
        two = Entry(OURS, entry.network, 1, 2)
        contest = groups["alexnet"].contest(1, 2)
        bars.append(Bar(f"{name}: two threads, x one", faster(contest, entry, two), bound, aim))
    for name, entry in (("fast", FAST), ("accurate", ACCURATE)):
        bars.append(Bar(f"{name}: two callers on two cores, x one", two_callers(entry), 1.6))
    for group in groups.values():
        for network in group.lookup:
            one, many = Entry(OURS, network), Entry(OURS, network, 32)
            contest = group.contest(32, 1)
            bars.append(Bar(f"{short(network)}: a picture of 32, x alone", faster(contest, one, many), 1.0))
    for group in groups.values():
        for network in group.lookup:
            source = faster(group.contest(1, 1), Entry(OURS, network), Entry("lcnn-avx2", network))
            bars.append(Bar(f"{short(network)}: speed of AVX2, x AVX-512", source, 0.5))
    return bars


def _starts() -> list[Bar]:
    rt, int8 = Entry("onnxruntime", DENSE), Entry("litert-int8", DENSE)
    return [
        Bar("fast: cold start, of ONNX Runtime's", cold_start("whole", rt, FAST), 0.25, at_most=True),
        Bar("fast: cold start, of LiteRT int8's", cold_start("whole", int8, FAST), None, 1.0, at_most=True),
        Bar("fast: peak memory, of ONNX Runtime's", cold_start("peak", rt, FAST), 0.2, at_most=True),
    ]


def _facts(groups: Mapping[str, Group]) -> list[Bar]:
    networks = [network for group in groups.values() for network in group.lookup]

    def difference(engine: str) -> Callable[[Results], float | None]:
        def worst(results: Results) -> float | None:
            by_network: dict[str, list[float]] = {}
            for contest in results.contests.values():
                for entry, found in contest.items():
                    if entry.engine == engine and found.difference is not None:
                        by_network.setdefault(entry.network, []).append(found.difference)
            if not set(networks) <= set(by_network):
                return None
            return max(max(values) for values in by_network.values())

        return worst

    def promise(key: str, unit: float = 1) -> Callable[[Results], float | None]:
        return lambda results: results.promises[key] / unit if key in results.promises else None

    def other_bits(results: Results) -> float | None:
        found = results.promises.get("other_bits", {})
        return float(sum(map(len, found.values()))) if set(networks) <= set(found) else None

    kernels = {"lcnn": "best", "lcnn-avx2": "AVX2", "lcnn-scalar": "portable"}
    return [
        *(
            Bar(f"{title} kernels: distance from the reference", Source(difference(engine)), CLOSE, None, True, ".1e")
            for engine, title in kernels.items()
        ),
        Bar("other bits in a batch of 32, on 2 threads, from 8 callers", Source(other_bits), 0, None, True, ".0f"),
        Bar("run(x, out=): bytes left after 1,000 calls", Source(promise("heap_left")), 0, None, True, ".0f"),
        Bar("run(x, out=): bytes of objects in a call", Source(promise("held_by_a_call")), OBJECTS, None, True, ".0f"),
        Bar("MiB grown over 100,000 predictions", Source(promise("growth", MIB)), 0.25, None, True),
    ]
