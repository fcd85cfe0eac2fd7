"""The ratio of two engines' times, round by round."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.operations.measuring import ratio_of
from benchmarks.utils.timing import Sample


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    ours = Sample(np.array([1.0, 2.0, 9.0]))
    assert ratio_of(ours, Sample(np.array([2.0, 2.0, 3.0]))) == 1.0
    assert ratio_of(ours, Sample(np.array([2.0, 2.0, -1.0]))) == 1.0
    assert ratio_of(ours, Sample(np.array([2.0, 0.5, -1.0]))) == 4.0  # of 0.5, 4 and what cannot be said
    assert ratio_of(ours, Sample(np.array([1.0, -1.0, -1.0]))) is None
