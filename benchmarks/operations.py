"""``python -m benchmarks.operations``: every operation but lookups, ours against ONNX Runtime's.

One thread, one pinned core, batch 1, interleaved rounds in one process; see ``operation_cases`` for how an operation
is isolated from the graph around it. Ends with 1 where ``--check`` is given and a ratio is over the bar.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from . import machine, report
from .building import NetBuilder
from .engines import OnnxRuntime, Ours
from .operation_cases import Case, all_cases
from .timing import Sample, interleave, mean_of_most, mean_seconds, repeats_for

BAR = 1.2
EMPTY_REPEATS = 150  # runs a round that find the profiler's own cost


@dataclass(frozen=True)
class Row:
    """Medians over the rounds: of microseconds, with their spreads as shares, and of ours over theirs.

    ``ratio``: below 1 we are faster; None where their time is lost in noise.
    """

    operation: str
    case: str
    method: str
    ratio: float | None
    ours_us: float
    ours_spread: float
    onnxruntime_us: float
    onnxruntime_spread: float

    @property
    def over(self) -> bool:
        """Whether we miss the bar, or cannot say."""
        return self.ratio is None or self.ratio > BAR


def ratio_of(ours: Sample, theirs: Sample) -> float | None:
    """The median of the rounds' own ratios. None where their median is lost in noise; a round in which they are counts
    against us."""
    if theirs.median <= 0:
        return None
    found = theirs.rounds > 0
    ratios = np.full(len(theirs.rounds), np.inf)
    ratios[found] = ours.rounds[found] / theirs.rounds[found]
    return float(np.median(ratios))


class Contest:
    """A case made ready: both engines loaded, results compared, blocks sized."""

    def __init__(self, case: Case) -> None:
        self.case = case
        picture = case.picture()
        graph, tensors = case.build(1 + case.copies)
        self.ours = Ours(graph, tensors, picture)
        self.theirs = OnnxRuntime(graph, tensors, picture, profiled=not case.copies)
        self.base = OnnxRuntime(*case.build(1), picture) if case.copies else None
        self._check_results()
        self.repeats = repeats_for(self.ours.run)
        self.their_repeats = repeats_for(self.theirs.run)
        self.measured = [f"op{number}" for number in range(1 if case.copies else 0, 1 + case.copies)]

    def _check_results(self) -> None:
        self.theirs.run()
        ours, theirs = self.ours.run(), self.theirs.result()[0]
        difference = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30)
        if not difference <= 1e-4:
            raise ArithmeticError(
                f"{self.case.group} {self.case.title}: results differ by {difference:.2e} of the largest"
            )

    def _ours(self) -> np.ndarray:
        """Seconds of the operation in each run of a round."""
        self.ours.run()
        return np.array([self.ours.run_timed(self.measured) for _ in range(self.repeats)]) / len(self.measured)

    def measure(self, rounds: int) -> Row:
        """Interleaved rounds of this case."""
        samples = self._chain(rounds) if self.base else self._single(rounds)
        ours, theirs = samples["ours"], samples["theirs"]
        return Row(
            self.case.group, self.case.title, "chain" if self.base else "single", ratio_of(ours, theirs),
            1e6 * ours.median, ours.spread, 1e6 * theirs.median, theirs.spread,
        )  # fmt: skip

    def _chain(self, rounds: int) -> dict[str, Sample]:
        assert self.base
        base_run, repeats = self.base.run, self.their_repeats
        contenders = {
            "ours": lambda: float(self._ours().mean()),
            "chain": lambda: mean_seconds(self.theirs.run, repeats),
            "base": lambda: mean_seconds(base_run, repeats),
        }
        samples = interleave(contenders, rounds)
        difference = (samples["chain"].rounds - samples["base"].rounds) / self.case.copies
        return {"ours": samples["ours"], "theirs": Sample(difference)}

    def _single(self, rounds: int) -> dict[str, Sample]:
        empty = _empty_session()
        contenders = {
            "ours": lambda: float(mean_of_most(self._ours())),
            "theirs": lambda: mean_seconds(self.theirs.run, self.their_repeats),
            "profiler": lambda: mean_seconds(empty.run, EMPTY_REPEATS),
        }
        samples = interleave(contenders, rounds)
        seconds, kernels = self.theirs.profile([*self.measured, *self.case.theirs])
        cost, _ = empty.profile(["op0"])
        theirs = _by_round(seconds, rounds, self.their_repeats) - kernels * _by_round(cost, rounds, EMPTY_REPEATS)
        return {"ours": samples["ours"], "theirs": Sample(theirs)}


def _empty_session() -> OnnxRuntime:
    """What ONNX Runtime's profiler adds to a kernel shows on a relu of one number."""
    net = NetBuilder("empty", (1, 1, 1))
    net.add("activation", "op0", activation="relu")
    return OnnxRuntime(*net.finish(), np.zeros((1, 1, 1), np.float32), profiled=True)


def _by_round(seconds: np.ndarray, rounds: int, repeats: int) -> np.ndarray:
    """Of each round's profiled runs but the first, which warms up."""
    return mean_of_most(seconds[-rounds * (1 + repeats) :].reshape(rounds, 1 + repeats)[:, 1:])


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "noise" if row.ratio is None else f"{row.ratio:.2f}"
    ours = f"{row.ours_us:.2f}", f"{row.ours_spread:.0%}"
    theirs = f"{row.onnxruntime_us:.2f}", f"{row.onnxruntime_spread:.0%}"
    return row.operation, row.case, ratio + ("  <--" if row.over else ""), *ours, *theirs, row.method


def _table(rows: list[Row]) -> str:
    header = ("operation", "case", "ratio", "ours us", "+-", "ONNX Runtime us", "+-", "method")
    return report.table([header, *map(_cells, rows)], left=(0, 1, 2, 7))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations", description=__doc__)
    parser.add_argument(
        "--only", metavar="PATTERN", default="*", help="operations (or 'operation case') to measure, e.g. 'max_*'"
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--core", type=int, help="the core to stay on; default the last one")
    report.add_name(parser, "operations")
    parser.add_argument("--check", action="store_true", help=f"end with 1 where a ratio is over {BAR}")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    chosen = [
        case
        for case in all_cases()
        if fnmatch.fnmatch(case.group, options.only) or fnmatch.fnmatch(f"{case.group} {case.title}", options.only)
    ]
    try:
        if not chosen:
            raise ValueError(f"expected --only to fit an operation, got {options.only!r}")
        if options.rounds < 1:
            raise ValueError(f"expected at least one round, got {options.rounds}")
        machine.pin(options.core)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    contests = [Contest(case) for case in chosen]
    print("measuring", file=sys.stderr, flush=True)
    rows = [contest.measure(options.rounds) for contest in contests]
    print("measured", file=sys.stderr, flush=True)
    facts = {**machine.describe(), "rounds": options.rounds}
    over = [row for row in rows if row.over]
    summary = f"{len(rows) - len(over)} of {len(rows)} within {BAR}x of ONNX Runtime"
    text = "\n\n".join([machine.heading(facts), _table(rows), summary])
    print(text)
    numbers = [asdict(row) for row in rows]
    report.write(
        report.chosen_name(options.name, "operations", options.only == "*"), text, {"machine": facts, "rows": numbers}
    )
    return 1 if options.check and over else 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
