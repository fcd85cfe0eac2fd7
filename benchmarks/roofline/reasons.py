"""Why steps take more than ``FAR`` times their bound: by kind of step, and up to how many times it explains them.

A bound knows multiplications and bytes; what it leaves out is written here. A step above what its reason explains has
none, and is to be looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from lcnn_engine.plan.calls import StepKind

from .steps import StepBound, arithmetic

FAR = 1.6
SHORT = 2.0  # microseconds of a step that is nothing but the call and the ends of its loops
UNKNOWN = "no reason is known"


class Reason(NamedTuple):
    """Explains steps of these kinds, and of these precisions, up to ``most`` times their bound."""

    kinds: Collection[StepKind]
    most: float
    text: str
    precisions: Collection[str] = ("float32", "bfloat16", "int8")
    under: float = float("inf")
    """Microseconds of the longest step that it explains."""

    def explains(self, step: StepBound) -> bool:
        about = step.kind in self.kinds and arithmetic(step) in self.precisions
        return about and step.us < self.under and (step.times is None or step.times <= self.most)


REASONS = (
    Reason(
        (StepKind.LOOKUP_TILE,), 8,
        "a load for each multiplication halves the rate; columns between rows, most where maps are small; of filters "
        "with few lookups, ends of loops",
    ),
    Reason(
        (StepKind.LOOKUP_GATHER,), 20,
        "numbers gathered one by one take longer than their bytes; of filters with two lookups, ends of loops",
    ),
    Reason(
        (StepKind.LOOKUP_SHARED,), 20,
        "of a pixel or a few no load serves several products; of filters with two lookups, ends of loops; the end of a "
        "map is less than a block of pixels",
    ),
    Reason(
        (StepKind.CONV,), 2.5, "1x1 from few channels: bringing results to their planes is as much work as products",
        ("float32",),
    ),
    Reason(
        (StepKind.CONV,), 8,
        "sums of few words: bringing results to their planes, and scaling them, is as much work as the products; a "
        "word of two or four channels is filled up with zeros where there are fewer",
        ("bfloat16", "int8"),
    ),
    Reason(
        (StepKind.CONV,), 30, "few products, of one channel: ends of loops, results brought to their planes", under=10
    ),
    Reason(
        (StepKind.CONV_PATCHES,), 3,
        "few products for each number read and written: windows are brought together, results leave the second-level "
        "cache",
    ),
    Reason(
        (StepKind.SPLIT_BY_STRIDE, StepKind.INPUT, StepKind.OUTPUT, StepKind.REORDER), 12,
        "every number is shuffled, and rows of few pixels are less than a vector",
    ),
    Reason((StepKind.PACK_PAIRS, StepKind.PACK_QUADS), 8, "numbers are compared, rounded and shuffled, not only moved"),
    Reason(
        (StepKind.COMBINE, StepKind.POINTWISE, StepKind.POOL, StepKind.GLOBAL_POOL, StepKind.CHANNEL_POOL,
         StepKind.NORM, StepKind.LRN, StepKind.SOFTMAX), 6,
        "rows are less than a vector or two: masked ends, sums across lanes, exponentials",
    ),
    Reason(
        (StepKind.DENSE, StepKind.NONZEROS), 4,
        "between two predictions other layers have had the caches (512 x 1000 takes 26 us alone); rows of weights are "
        "passed over one by one where the input is 0",
    ),
)  # fmt: skip


def is_far(step: StepBound) -> bool:
    """Tell whether a step takes more than ``FAR`` times its bound, as it is printed."""
    return step.times is not None and round(step.times, 1) > FAR


def reason(step: StepBound) -> str | None:
    """Say why a step takes so long; None where nothing explains it."""
    if step.us < SHORT:
        return f"under {SHORT:g} us: the call, and the ends of its loops"
    return next((one.text for one in REASONS if one.explains(step)), None)
