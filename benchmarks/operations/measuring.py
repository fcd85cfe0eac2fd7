"""Measuring one operation: both engines made ready, results compared, interleaved rounds, the median ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..networks.builder import NetBuilder
from ..utils.timing import Sample, interleave, mean_of_most, mean_seconds, repeats_for
from .cases import Case
from .timed_engines import OnnxRuntime, Ours

THRESHOLD = 1.2  # times ONNX Runtime's time that an operation may take
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
        """Whether we are over the threshold, or cannot say."""
        return self.ratio is None or self.ratio > THRESHOLD


def ratio_of(ours: Sample, theirs: Sample) -> float | None:
    """Return the median of the rounds' own ratios, or None where the median of their times is lost in noise.

    A round that is lost in noise counts against us.
    """
    if theirs.median <= 0:
        return None
    found = theirs.rounds > 0
    ratios = np.full(len(theirs.rounds), np.inf)
    ratios[found] = ours.rounds[found] / theirs.rounds[found]
    return float(np.median(ratios))


class Matchup:
    """A case made ready: both engines loaded, results compared, blocks sized."""

    def __init__(self, case: Case) -> None:
        self.case = case
        image = case.image()
        graph, tensors = case.build(1 + case.copies)
        self.ours = Ours(graph, tensors, image)
        self.theirs = OnnxRuntime(graph, tensors, image, profiled=not case.copies)
        self.base = OnnxRuntime(*case.build(1), image) if case.copies else None
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
        """Measure this case in interleaved rounds."""
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
    """A relu of one number, which shows what ONNX Runtime's profiler adds to a kernel."""
    net = NetBuilder("empty", (1, 1, 1))
    net.add("activation", "op0", activation="relu")
    return OnnxRuntime(*net.finish(), np.zeros((1, 1, 1), np.float32), profiled=True)


def _by_round(seconds: np.ndarray, rounds: int, repeats: int) -> np.ndarray:
    """Of each round's profiled runs but the first, which warms up."""
    return mean_of_most(seconds[-rounds * (1 + repeats) :].reshape(rounds, 1 + repeats)[:, 1:])
