"""``python -m benchmarks.versus_onnxruntime MODEL...``: whole networks, ours against ONNX Runtime.

MODEL is a model file or the name of a workload. ONNX Runtime runs two networks: the dense twin (every lookup layer
replaced by a dense one of the same shape, with random weights), and the very network, its lookup layers written out
as the dense convolutions they stand for. One thread, one pinned core, batch 1, interleaved rounds in one process.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lcnn_engine import InputError, ModelFormatError, Net, read_model
from lcnn_engine.preprocessing import as_batch

from . import machine, report
from .engines import OnnxRuntime
from .timing import BLOCK_SECONDS, Sample, interleave, mean_seconds, repeats_for
from .twins import Network, dense_twin, lookup_multiplications
from .workloads import WORKLOADS

CONTENDERS = {
    "lcnn": "LCNN engine",
    "twin": "ONNX Runtime, dense twin",
    "as_dense": "ONNX Runtime, lookup layers as dense convolutions",
}


@dataclass(frozen=True)
class Result:
    """One network: medians in milliseconds, spreads as shares, and how far ONNX Runtime's result is from ours."""

    model: str
    lookup_multiplications: int
    milliseconds: dict[str, float]
    spread: dict[str, float]
    ratios: dict[str, float]  # their time over ours
    difference: float  # largest, on the same network, as a share of the largest output


def load(name: str) -> Network:
    """A workload of that name, or the model file at that path."""
    return WORKLOADS[name]() if name in WORKLOADS else read_model(name)


def the_input(network: Network, image: Path | None) -> np.ndarray:
    """One preprocessed picture, or standard normal noise of the input's shape."""
    graph = network[0]
    if image is None:
        return np.random.default_rng(0).standard_normal(graph.input.shape, dtype=np.float32)
    return as_batch(image, graph.input.shape, graph.preprocessing)[0][0]


class Contest:
    """A network loaded three times over, results compared."""

    def __init__(self, network: Network, picture: np.ndarray) -> None:
        graph, tensors = network
        self.network = network
        net = Net(graph, tensors, threads=1)
        out = np.empty(net.output_shape, np.float32)
        self.sessions = {
            "twin": OnnxRuntime(*dense_twin(graph, tensors), picture),
            "as_dense": OnnxRuntime(graph, tensors, picture),
        }
        self.runs = {"lcnn": lambda: net.run(picture, out=out), **{k: s.run for k, s in self.sessions.items()}}
        self.repeats = {name: repeats_for(run, 5 * BLOCK_SECONDS) for name, run in self.runs.items()}
        theirs = self.sessions["as_dense"].result()
        self.difference = float(np.abs(out - theirs).max() / max(np.abs(theirs).max(), 1e-30))
        if not self.difference <= 1e-4:
            raise ArithmeticError(f"{graph.name}: results differ by {self.difference:.2e} of the largest")

    def measure(self, rounds: int) -> Result:
        """Interleaved rounds."""
        samples = interleave(
            {name: lambda run=run, n=self.repeats[name]: mean_seconds(run, n) for name, run in self.runs.items()},
            rounds,
        )
        graph, tensors = self.network
        return Result(
            graph.name,
            lookup_multiplications(graph, tensors),
            {name: 1e3 * sample.median for name, sample in samples.items()},
            {name: sample.spread for name, sample in samples.items()},
            {name: _ratio(samples[name], samples["lcnn"]) for name in samples if name != "lcnn"},
            self.difference,
        )


def _ratio(theirs: Sample, ours: Sample) -> float:
    """Median of the rounds' own ratios: the two of one round met the same machine."""
    return float(np.median(theirs.rounds / ours.rounds))


def _lines(result: Result) -> str:
    head = (
        f"{result.model}: {result.ratios['twin']:.2f} times the speed of ONNX Runtime on its dense twin, "
        f"{result.ratios['as_dense']:.2f} on the same network"
    )
    rows = [("", "ms", "+-", "ratio")]
    for name, title in CONTENDERS.items():
        ratio = f"{result.ratios[name]:.2f}" if name in result.ratios else "1"
        rows.append((title, f"{result.milliseconds[name]:.3f}", f"{result.spread[name]:.0%}", ratio))
    lookups = f"{result.lookup_multiplications / 1e6:.2f} million lookup multiplications"
    tail = f"{lookups}; results differ by at most {result.difference:.1e} of the largest"
    return "\n".join([head, report.table(rows), tail])


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versus_onnxruntime", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL", help=f"a model file, or one of {', '.join(WORKLOADS)}")
    parser.add_argument("--image", type=Path, help="the picture to predict; default noise. Zeros after relu save time")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--core", type=int, help="the core to stay on; default the last one")
    parser.add_argument("--name", default="versus_onnxruntime", help="benchmarks/results/NAME.json")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    try:
        if options.rounds < 1:
            raise ValueError(f"expected at least one round, got {options.rounds}")
        machine.pin(options.core)
        networks = [load(name) for name in options.models]
        contests = [Contest(network, the_input(network, options.image)) for network in networks]
    except (FileNotFoundError, ModelFormatError, InputError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("measuring", file=sys.stderr, flush=True)
    results = [contest.measure(options.rounds) for contest in contests]
    print("measured", file=sys.stderr, flush=True)
    facts = {**machine.describe(), "rounds": options.rounds, "input": str(options.image or "noise")}
    text = "\n\n".join([*map(_lines, results), machine.heading(facts)])
    print(text)
    report.write(options.name, text, {"machine": facts, "models": [asdict(result) for result in results]})
    return 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
