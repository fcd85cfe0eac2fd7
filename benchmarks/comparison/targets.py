"""Every figure that the engine must reach, in one place: ``all_thresholds``.

``BARS`` are those of speed, one image on one thread; the others have functions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..networks.model_files import SHIPPED
from .engines import ENGINES
from .matchups import MULTIPLIED_OUT, OURS, PRECISIONS, Entry, Group, short
from .measuring import CLOSE, Measurement
from .thresholds import Metric, Results, Threshold, cold_start, figure, speedup, two_callers

MIB = 2**20
OBJECTS = 4096  # bytes of Python's own small objects that a call may hold while it runs

FAST, ACCURATE = Entry(OURS, "alexnet-lcnn-fast"), Entry(OURS, "alexnet-lcnn-accurate")
DENSE = "alexnet-dense"
CALL_COST = "run(x, out=): microseconds over its steps, cnn28-quarter"
CALLED = Entry(OURS, "cnn28-quarter")
NORMALISING = "normalising 224x224x3: x channel by channel"
ORT, OPENVINO, INT8 = "onnxruntime", "openvino", "litert-int8"
F32, BF16, I8 = PRECISIONS


class Bar(NamedTuple):
    """How many times as fast as another engine a network of ours must be in a precision.

    The other one runs ``beside``: unless said otherwise, the network itself where it is dense, or its dense equivalent.
    """

    network: str
    precision: str
    against: str
    bound: float | None
    aim: float | None = None
    beside: str | None = None


BARS = (
    Bar(SHIPPED, F32, ORT, 50),
    Bar(SHIPPED, BF16, ORT, 58),
    Bar(SHIPPED, BF16, INT8, 18),
    Bar(SHIPPED, I8, ORT, 60),
    Bar("alexnet-lcnn-fast", F32, ORT, 22),
    Bar("alexnet-lcnn-fast", BF16, ORT, 25),
    Bar("alexnet-lcnn-fast", I8, ORT, 25),
    Bar("alexnet-lcnn-fast-16", F32, ORT, 29),
    Bar("alexnet-lcnn-fast-16", BF16, ORT, 31),
    Bar("alexnet-lcnn-fast-16x2", F32, ORT, 29),
    Bar("alexnet-lcnn-fast-16x2", BF16, ORT, 36),
    Bar("alexnet-lcnn-fast-16x2", BF16, INT8, 11),
    Bar("alexnet-lcnn-accurate", F32, ORT, 3.1),
    Bar("alexnet-lcnn-accurate", BF16, ORT, 3.4),
    Bar("alexnet-lcnn-accurate", BF16, INT8, 1.05),
    Bar("alexnet-lcnn-accurate", I8, ORT, 3.7),
    Bar("alexnet-lcnn-accurate", I8, INT8, 1.15),
    Bar("alexnet-lcnn-accurate-16", F32, ORT, 3.9),
    Bar("alexnet-lcnn-accurate-16", BF16, ORT, 4.6),
    Bar("alexnet-lcnn-accurate-16", BF16, INT8, 1.4),
    Bar("alexnet-lcnn-accurate-16x2", F32, ORT, 3.9),
    Bar("alexnet-lcnn-accurate-16x2", BF16, ORT, 6.8),
    Bar("alexnet-lcnn-accurate-16x2", BF16, INT8, 2.1),
    Bar("resnet18-lookup-fast", F32, ORT, 6, 10),
    Bar("resnet18-lookup-accurate", F32, ORT, 1.6),
    Bar("resnet18-lookup-accurate", BF16, ORT, 2.0),
    Bar("resnet18-lookup-accurate", I8, ORT, 2.5),
    Bar("resnet18-lookup-accurate", I8, INT8, 0.8, 1),
    Bar("resnet18-lookup-accurate-16x2", BF16, ORT, 3.2),
    Bar("resnet18-lookup-accurate-16x2", BF16, INT8, 1.05),
    Bar("resnet18-lookup-accurate-16x2", I8, ORT, None, 4),
    Bar("resnet18-pruned-16", F32, ORT, 6.6),
    Bar("resnet18-pruned-16", F32, INT8, 2.1),
    Bar("resnet18-pruned-16", BF16, ORT, None, 10),
    Bar("resnet18-pruned-16x2", BF16, ORT, None, 10),
    Bar("resnet18-dense", F32, ORT, 1.4),
    Bar("resnet18-dense", BF16, ORT, 1.75),
    Bar("resnet18-dense", BF16, OPENVINO, 0.85, 1),
    Bar("resnet18-dense", I8, ORT, 2.7),
    Bar("resnet18-dense", I8, INT8, 0.8, 0.95),
    Bar("alexnet-dense", F32, ORT, 1.05),
    Bar("alexnet-dense", BF16, ORT, 1.75),
    Bar("alexnet-dense", BF16, OPENVINO, 0.95),
    Bar("alexnet-dense", I8, ORT, 2.8),
    Bar("alexnet-dense", I8, INT8, 0.85),
    Bar("efficientnet-lite0", F32, ORT, 1.0),
    Bar("efficientnet-lite0", BF16, ORT, 1.2),
    Bar("mobilenet-v2", F32, ORT, 1.0),
    Bar("mobilenet-v2", BF16, ORT, 1.2),
    Bar("cnn28", F32, ORT, 1.05),
    Bar("cnn28", BF16, ORT, 1.3),
    Bar("cnn28-half", F32, ORT, 1.05),
    Bar("cnn28-half", BF16, ORT, 1.3),
    Bar("cnn28-quarter", F32, ORT, 1.05),
    Bar("cnn28-quarter", BF16, ORT, 1.3),
    Bar("cnn28-pruned", F32, ORT, 1.4, beside="cnn28-half"),
    Bar("cnn28-pruned", BF16, ORT, 1.8, beside="cnn28-half"),
)


def all_thresholds(groups: Mapping[str, Group]) -> list[Threshold]:
    """Return the thresholds, in the order of the table; ``groups`` by name."""
    return [*_speed(groups), *_growth(groups), *_surroundings(), *_starts(), *_facts(groups)]


def _speed(groups: Mapping[str, Group]) -> list[Threshold]:
    found = []
    for bar in BARS:
        group = next(one for one in groups.values() if bar.network in (*one.lookup, *one.dense))
        beside = bar.beside or (bar.network if bar.network in group.dense else group.dense[0])
        ours, theirs = Entry(PRECISIONS[bar.precision], bar.network), Entry(bar.against, beside)
        of = "" if bar.beside is None else f" on {short(bar.beside)}"
        found.append(
            Threshold(
                f"{short(bar.network)}, {bar.precision}: x {ENGINES[bar.against].title}{of}",
                speedup(group.matchup(1, 1), theirs, ours),
                bar.bound,
                bar.aim,
                about={"network": bar.network, "precision": bar.precision, "against": bar.against, "beside": beside},
            )
        )
    alone = groups["alexnet"].matchup(1, 1)
    for precision, engine in PRECISIONS.items():
        sides = (Entry(engine, ACCURATE.network + MULTIPLIED_OUT), Entry(engine, ACCURATE.network))
        found.append(Threshold(f"accurate, {precision}: x its own P·D multiplied out", speedup(alone, *sides), 1.0))
    return found


def _growth(groups: Mapping[str, Group]) -> list[Threshold]:
    """Threads, callers, batches, lesser kernels."""
    found = []
    for name, entry, bound in (("fast", FAST, 1.5), ("accurate", ACCURATE, 1.75)):
        threads = speedup(groups["alexnet"].matchup(1, 2), entry, Entry(OURS, entry.network, 1, 2))
        found.append(Threshold(f"{name}: two threads, x one", threads, bound))
    for name, entry in (("fast", FAST), ("accurate", ACCURATE)):
        found.append(Threshold(f"{name}: two callers on two cores, x one", two_callers(entry), 1.6))
    networks = [(group, network) for group in groups.values() for network in group.scaled]
    for group, network in networks:
        batch = speedup(group.matchup(32, 1), Entry(OURS, network), Entry(OURS, network, 32))
        wanted = (1.12, 1.5) if network in (FAST.network, "resnet18-pruned") else (1.0, None)
        found.append(Threshold(f"{short(network)}: an image of 32, x alone", batch, *wanted))
    for group, network in networks:
        lowered = speedup(group.matchup(1, 1), Entry(OURS, network), Entry("lcnn-avx2", network))
        found.append(Threshold(f"{short(network)}: speed of AVX2, x AVX-512", lowered, 0.5))
    return found


def busy(entry: Entry) -> str:
    """Name the figure of a network on two threads, one of them on a busy core."""
    return f"{short(entry.network)}: two threads beside a busy core, x one"


def _surroundings() -> list[Threshold]:
    return [
        *(Threshold(busy(entry), figure(busy(entry)), 0.65) for entry in (FAST, ACCURATE)),
        Threshold(CALL_COST, figure(CALL_COST), 3, at_most=True),
        Threshold(NORMALISING, figure(NORMALISING), 5),
    ]


def _starts() -> list[Threshold]:
    rt, int8 = Entry(ORT, DENSE), Entry(INT8, DENSE)
    return [
        Threshold("fast: cold start, of ONNX Runtime's", cold_start("whole", rt, FAST), 0.25, at_most=True),
        Threshold("fast: cold start, of LiteRT int8's", cold_start("whole", int8, FAST), 0.92, at_most=True),
        Threshold("fast: peak memory, of ONNX Runtime's", cold_start("peak", rt, FAST), 0.2, at_most=True),
    ]


def _facts(groups: Mapping[str, Group]) -> list[Threshold]:
    """Exactness, same bits, memory."""
    networks = {network for group in groups.values() for network in (*group.lookup, *group.dense)}
    lookup = {network for group in groups.values() for network in group.lookup}
    scaled = {network for group in groups.values() for network in group.scaled}

    def other_bits(results: Results) -> float | None:
        found = results.guarantees.get("other_bits", {})
        return float(sum(map(len, found.values()))) if scaled <= set(found) else None

    def guarantee(key: str, unit: float = 1) -> Metric:
        return lambda results: results.guarantees[key] / unit if key in results.guarantees else None

    def at_most(title: str, metric: Metric, bound: float, shown: str) -> Threshold:
        return Threshold(title, metric, bound, at_most=True, shown=shown)

    compared = (
        ("best kernels: distance from the reference", OURS, networks, CLOSE),
        ("AVX2 kernels: distance from the reference", "lcnn-avx2", scaled, CLOSE),
        ("portable kernels: distance from the reference", "lcnn-scalar", lookup, CLOSE),
    )
    return [
        *(at_most(title, _distance(engine, of), bound, ".1e") for title, engine, of, bound in compared),
        *(
            at_most(
                f"{name}: of what rounding can do, the most in a node", _share(PRECISIONS[name], networks), 1, ".2f"
            )
            for name in (BF16, I8)
        ),
        at_most("other bits in a batch of 32, on 2 threads, from 8 callers", other_bits, 0, ".0f"),
        at_most("run(x, out=): bytes left after 1,000 calls", guarantee("heap_left"), 0, ".0f"),
        at_most("run(x, out=): bytes of objects in a call", guarantee("held_by_a_call"), OBJECTS, ".0f"),
        at_most("MiB grown over 100,000 predictions", guarantee("growth", MIB), 0.25, ".2f"),
    ]


def _distance(engine: str, networks: set[str]) -> Metric:
    """The largest distance from the reference of any network; None unless all of ``networks`` were compared."""
    return _largest(engine, networks, lambda found: found.difference)


def _share(engine: str, networks: set[str]) -> Metric:
    """The same in a lower precision, as a share of what rounding can do."""
    return _largest(engine, networks, lambda found: found.share)


def _largest(engine: str, networks: set[str], number: Callable[[Measurement], float | None]) -> Metric:
    def worst(results: Results) -> float | None:
        compared = [
            (entry.network, value)
            for found in results.matchups.values()
            for entry, measured in found.items()
            if entry.engine == engine and (value := number(measured)) is not None
        ]
        complete = networks <= {network for network, _ in compared}
        return max(value for _, value in compared) if complete else None

    return worst
