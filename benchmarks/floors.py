"""``python -m benchmarks.floors [NETWORK...]``: every step of our engine beside the least time it could take.

The floor of a step is its multiplications at this core's best rate, or its bytes at the bandwidth of where they lie,
whichever takes longer. Weights lie where the whole network fits, since a prediction goes through all of them;
activations where those of the step fit. Inputs of dense layers that are 0 are counted out: their weights are not read.
One core, one thread. The limits are measured first (``speed_limits.py``); a step that multiplies faster raises them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from lcnn_engine import LcnnError, Net
from lcnn_engine.analysis.profile import ProfileStep
from lcnn_engine.kernels import to_fp16
from lcnn_engine.model.graph import Node

from . import machine, report, speed_limits
from .comparison.contests import groups
from .comparison.model_files import network
from .comparison.pictures import Pictures
from .speed_limits import Limits

FLOAT, HALF = 4, 2
SKIPS = "matrix x vector"  # the operation that reads no weights of inputs that are 0
LOOKUP = 8  # bytes: an offset and a coefficient


@dataclass(frozen=True)
class Floor:
    """A step: what it took and the least it could, in microseconds. ``bound``: what sets the floor."""

    step: str
    op: str
    kernel: str
    us: float
    floor_us: float
    bound: str

    @property
    def times(self) -> float | None:
        """How many times its floor the step takes."""
        return self.us / self.floor_us if self.floor_us else None


class Network:
    """What the floors of one network's steps are read off."""

    def __init__(self, net: Net, tensors: Mapping[str, np.ndarray], x: np.ndarray, limits: Limits) -> None:
        self._graph, self._tensors, self._limits = net.graph, tensors, limits
        self._nonzero = _nonzero_shares(net, x)
        self._footprint = sum(tensor.size * FLOAT for tensor in tensors.values())

    def floor(self, step: ProfileStep) -> Floor:
        node = self._graph.by_name.get(step.name)
        weights, activations, multiplications = self._work(step, node)
        limits = self._limits
        by_kind = {
            "multiplications": multiplications / limits.multiplications,
            f"weights, {limits.level(self._footprint)}": limits.seconds(weights, self._footprint),
            f"activations, {limits.level(activations)}": limits.seconds(activations, activations),
        }
        compute, *memory = by_kind.values()
        floor = max(compute, sum(memory))
        bound = "multiplications" if compute >= sum(memory) else max(list(by_kind)[1:], key=by_kind.__getitem__)
        return Floor(step.name, step.op, step.kernel, 1e6 * step.seconds, 1e6 * floor, bound)

    def _work(self, step: ProfileStep, node: Node | None) -> tuple[float, float, float]:
        """Bytes of weights and of activations that a step must move, and the multiplications that it must make."""
        shapes = self._graph.shapes
        if node is None or step.op in ("input", "output"):
            return 0.0, 2 * FLOAT * _size(shapes[step.name]), 0.0
        read, written = sum(_size(shapes[name]) for name in node.inputs), _size(shapes[node.name])
        dictionary = self._tensors.get(f"{node.name}/dictionary")
        if step.op == "list nonzeros":
            return 0.0, FLOAT * read, 0.0
        if step.op == SKIPS:
            share = self._nonzero[node.inputs[0]]
            matrix = self._tensors[f"{node.name}/kernel"] if dictionary is None else dictionary
            weight = FLOAT if to_fp16(matrix) is None else HALF
            return weight * share * step.multiplications, FLOAT * (read + written), share * step.multiplications
        if step.op == "S = D X" and dictionary is not None:
            s = step.multiplications / dictionary.shape[1]
            return FLOAT * dictionary.size, FLOAT * (read + s), step.multiplications
        if step.op != node.op and not step.multiplications:  # a copy of the input in another order
            return 0.0, 2 * FLOAT * read, 0.0
        if f"{node.name}/indices" in self._tensors:
            s = read if dictionary is None else read / dictionary.shape[1] * len(dictionary)
            return LOOKUP * len(self._tensors[f"{node.name}/indices"]), FLOAT * (s + written), step.multiplications
        own = sum(array.size for name, array in self._tensors.items() if name.rpartition("/")[0] == node.name)
        return FLOAT * own, FLOAT * (read + written), step.multiplications


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape))


def _nonzero_shares(net: Net, x: np.ndarray) -> dict[str, float]:
    """Of every node's value for ``x``, the share that is not 0."""
    values = net.features(x, [node.name for node in net.graph.nodes])
    shares = {name: float(np.count_nonzero(value) / value.size) for name, value in values.items()}
    return {net.graph.input.name: 1.0, **shares}


@dataclass(frozen=True)
class Timed:
    """A network with its steps timed on one thread."""

    net: Net
    tensors: Mapping[str, np.ndarray]
    x: np.ndarray
    steps: Sequence[ProfileStep]

    @classmethod
    def of(cls, name: str, pictures: Pictures, runs: int) -> Timed:
        graph, tensors = network(name)
        net, x = Net(graph, tensors, threads=1), pictures.batch(name, 1)[0]
        return cls(net, tensors, x, net.profile(x, runs=runs).steps)

    @property
    def fastest(self) -> float:
        """Multiplications a second of its fastest step, those aside that skip some."""
        rates = [step.multiplications / step.seconds for step in self.steps if step.op != SKIPS and step.seconds]
        return max(rates, default=0.0)

    def floors(self, limits: Limits) -> list[Floor]:
        own = Network(self.net, self.tensors, self.x, limits)
        return [own.floor(step) for step in self.steps]


def _table(name: str, floors: Sequence[Floor]) -> str:
    total, least = sum(floor.us for floor in floors), sum(floor.floor_us for floor in floors)
    rows = [("step", "operation", "kernel", "us", "share", "floor us", "x floor", "bound by")]
    for one in floors:
        times = "" if one.times is None else f"{one.times:.1f}"
        numbers = (f"{one.us:.1f}", f"{one.us / total:.0%}", f"{one.floor_us:.2f}", times)
        rows.append((one.step, one.op, one.kernel, *numbers, one.bound))
    rows.append(("total", "", "", f"{total:.1f}", "100%", f"{least:.2f}", f"{total / least:.1f}", ""))
    return f"{name}\n{report.table(rows, left=(0, 1, 2, 7))}"


def _limits_text(limits: Limits) -> str:
    levels = ", ".join(f"{level} {1e-9 * rate:.0f}" for level, rate in limits.bandwidth.items())
    return f"this core: {2e-9 * limits.multiplications:.0f} GFLOP/s; GB/s read from {levels}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors", description=__doc__.partition("\n")[0])
    known = [name for group in groups() for name in group.lookup]
    parser.add_argument("networks", nargs="*", default=known, metavar="NETWORK", help="a workload or a model file")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--core", type=int, help="the core to stay on; default the last one")
    report.add_name(parser, "floors")
    options = parser.parse_args(arguments)
    try:
        machine.pin(options.core)
        limits, pictures = speed_limits.measure(), Pictures()
        timed = {name: Timed.of(name, pictures, options.runs) for name in options.networks}
    except (LcnnError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    best = max(limits.multiplications, *(one.fastest for one in timed.values()))  # what a step does can be done
    limits = replace(limits, multiplications=best)
    found = {one.net.name: one.floors(limits) for one in timed.values()}
    facts = machine.describe()
    tables = [_table(name, floors) for name, floors in found.items()]
    text = "\n\n".join([_limits_text(limits), *tables, machine.heading(facts)])
    print(text)
    sizes = {level: size for level, size in limits.sizes.items() if size != float("inf")}
    numbers = {
        "machine": facts,
        "limits": {**asdict(limits), "sizes": sizes},
        "networks": {name: [{**asdict(one), "times": one.times} for one in own] for name, own in found.items()},
    }
    report.write(report.chosen_name(options.name, "floors", options.networks == known), text, numbers)
    return 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
