"""Every figure that the engine must reach, in one place: ``all_thresholds``."""

from __future__ import annotations

from collections.abc import Mapping

from .matchups import OURS, WRITTEN_OUT, Entry, Group, Matchup, short
from .measuring import CLOSE
from .thresholds import Metric, Results, Threshold, cold_start, speedup, two_callers

MIB = 2**20
OBJECTS = 4096  # bytes of Python's own small objects that a call may hold while it runs

FAST, ACCURATE = Entry(OURS, "alexnet-lcnn-fast"), Entry(OURS, "alexnet-lcnn-accurate")
DENSE = "alexnet-dense"


def all_thresholds(groups: Mapping[str, Group]) -> list[Threshold]:
    """Return the thresholds, in the order of the table; ``groups`` by name."""
    return [*_speed(groups), *_growth(groups), *_starts(), *_facts(groups)]


def _speed(groups: Mapping[str, Group]) -> list[Threshold]:
    alexnet, resnet = groups["alexnet"].matchup(1, 1), groups["resnet18"].matchup(1, 1)
    rt, int8, dense = Entry("onnxruntime", DENSE), Entry("litert-int8", DENSE), Entry("onnxruntime", "resnet18-dense")
    wide, written_out = (Entry("onnxruntime", name) for name in ("alexnet-dense-wide", ACCURATE.network + WRITTEN_OUT))
    small, large, pruned = (
        Entry(OURS, name) for name in ("resnet18-lookup-fast", "resnet18-lookup-accurate", "resnet18-pruned")
    )

    def faster(title: str, matchup: Matchup, theirs: Entry, ours: Entry, bound: float | None, aim: float) -> Threshold:
        return Threshold(title, speedup(matchup, theirs, ours), bound, aim)

    return [
        faster("fast: x ONNX Runtime, dense equivalent", alexnet, rt, FAST, 22, 26),
        faster("fast: x ONNX Runtime, wide AlexNet", alexnet, wide, FAST, 30, 37.6),
        faster("fast: x LiteRT int8, dense equivalent", alexnet, int8, FAST, 6.5, 9),
        faster("accurate: x ONNX Runtime, dense equivalent", alexnet, rt, ACCURATE, 3.0, 4.5),
        faster("accurate: x ONNX Runtime, D and P dense", alexnet, written_out, ACCURATE, 9, 13),
        faster("accurate: x LiteRT int8, dense equivalent", alexnet, int8, ACCURATE, None, 1.0),
        faster("ResNet-18, k 16 to 128: x ONNX Runtime, dense", resnet, dense, small, 6, 10),
        faster("ResNet-18, k 128 to 1024: x ONNX Runtime, dense", resnet, dense, large, 1.4, 2),
        faster("ResNet-18 pruned to 10%: x ONNX Runtime, dense", resnet, dense, pruned, 3, 5),
    ]


def _growth(groups: Mapping[str, Group]) -> list[Threshold]:
    """Threads, callers, batches, lesser kernels."""
    found = []
    for name, entry, bound, aim in (("accurate", ACCURATE, 1.6, 1.9), ("fast", FAST, 1.3, 1.7)):
        threads = speedup(groups["alexnet"].matchup(1, 2), entry, Entry(OURS, entry.network, 1, 2))
        found.append(Threshold(f"{name}: two threads, x one", threads, bound, aim))
    for name, entry in (("fast", FAST), ("accurate", ACCURATE)):
        found.append(Threshold(f"{name}: two callers on two cores, x one", two_callers(entry), 1.6))
    networks = [(group, network) for group in groups.values() for network in group.lookup]
    for group, network in networks:
        batch = speedup(group.matchup(32, 1), Entry(OURS, network), Entry(OURS, network, 32))
        found.append(Threshold(f"{short(network)}: an image of 32, x alone", batch, 1.0))
    for group, network in networks:
        lowered = speedup(group.matchup(1, 1), Entry(OURS, network), Entry("lcnn-avx2", network))
        found.append(Threshold(f"{short(network)}: speed of AVX2, x AVX-512", lowered, 0.5))
    return found


def _starts() -> list[Threshold]:
    rt, int8 = Entry("onnxruntime", DENSE), Entry("litert-int8", DENSE)
    return [
        Threshold("fast: cold start, of ONNX Runtime's", cold_start("whole", rt, FAST), 0.25, at_most=True),
        Threshold("fast: cold start, of LiteRT int8's", cold_start("whole", int8, FAST), None, 1.0, at_most=True),
        Threshold("fast: peak memory, of ONNX Runtime's", cold_start("peak", rt, FAST), 0.2, at_most=True),
    ]


def _facts(groups: Mapping[str, Group]) -> list[Threshold]:
    """Exactness, same bits, memory."""
    networks = {network for group in groups.values() for network in group.lookup}

    def other_bits(results: Results) -> float | None:
        found = results.guarantees.get("other_bits", {})
        return float(sum(map(len, found.values()))) if networks <= set(found) else None

    def guarantee(key: str, unit: float = 1) -> Metric:
        return Metric(lambda results: results.guarantees[key] / unit if key in results.guarantees else None)

    def at_most(title: str, metric: Metric, bound: float, shown: str) -> Threshold:
        return Threshold(title, metric, bound, at_most=True, shown=shown)

    kernels = {"lcnn": "best", "lcnn-avx2": "AVX2", "lcnn-scalar": "portable"}
    return [
        *(
            at_most(f"{title} kernels: distance from the reference", _distance(engine, networks), CLOSE, ".1e")
            for engine, title in kernels.items()
        ),
        at_most("other bits in a batch of 32, on 2 threads, from 8 callers", Metric(other_bits), 0, ".0f"),
        at_most("run(x, out=): bytes left after 1,000 calls", guarantee("heap_left"), 0, ".0f"),
        at_most("run(x, out=): bytes of objects in a call", guarantee("held_by_a_call"), OBJECTS, ".0f"),
        at_most("MiB grown over 100,000 predictions", guarantee("growth", MIB), 0.25, ".2f"),
    ]


def _distance(engine: str, networks: set[str]) -> Metric:
    """The largest distance from the reference of any network; None unless all of ``networks`` were compared."""

    def worst(results: Results) -> float | None:
        compared = [
            (entry.network, measured.difference)
            for found in results.matchups.values()
            for entry, measured in found.items()
            if entry.engine == engine and measured.difference is not None
        ]
        complete = networks <= {network for network, _ in compared}
        return max(difference for _, difference in compared) if complete else None

    return Metric(worst)
