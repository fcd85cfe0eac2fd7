"""Which tensors a file of float16 holds in float16."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.format.float16 import in_float16

RNG = np.random.default_rng(9)


def weights(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def test_large_tensors_are_rounded_and_others_stay() -> None:
    tensors = {
        "c/kernel": weights(4, 3, 3, 3), "c/bias": weights(4), "l/dictionary": weights(5, 4),
        "l/coefficients": weights(7), "l/indptr": np.array([0, 3, 3, 7], np.int32), "b/scale": weights(4) * 1e6,
    }  # fmt: skip
    rounded = in_float16(tensors)
    assert list(rounded) == list(tensors)
    for name, tensor in tensors.items():
        narrow = name in ("c/kernel", "l/dictionary", "l/coefficients")
        np.testing.assert_array_equal(rounded[name], tensor.astype(np.float16) if narrow else tensor)
        assert rounded[name].dtype == (np.float16 if narrow else tensor.dtype)


@pytest.mark.parametrize("factor", [1e-5, 1e-6, 1e-9, 1e-38])
@pytest.mark.parametrize("name", ["c/kernel", "d/kernel", "l/dictionary", "l/coefficients"])
def test_one_row_of_small_numbers_keeps_a_tensor_as_it_is(name: str, factor: float) -> None:
    tensors = {
        "c/kernel": weights(4, 3, 3, 3), "d/kernel": weights(4, 30), "l/dictionary": weights(4, 9),
        "l/coefficients": weights(40), "l/indptr": np.array([0, 15, 15, 30, 40], np.int32),
    }  # fmt: skip
    rows = slice(30, 40) if name == "l/coefficients" else 3
    tensors[name][rows] *= factor
    rounded = in_float16(tensors)
    assert {key for key in rounded if rounded[key].dtype == np.float16} == set(tensors) - {name, "l/indptr"}
    assert rounded[name] is tensors[name]


def test_small_numbers_beside_a_bias_or_larger_ones_are_rounded() -> None:
    """A filter that training has given up, whose bias is its whole result; and single small weights, as all have."""
    kernel = weights(4, 30)
    kernel[1] *= 1e-9
    kernel[2, ::3] *= 1e-6
    assert in_float16({"d/kernel": kernel, "d/bias": np.full(4, -0.5, np.float32)})["d/kernel"].dtype == np.float16


def test_numbers_beyond_float16_become_infinite() -> None:
    assert np.isinf(in_float16({"d/kernel": np.array([[1e6, 1e-9]], np.float32)})["d/kernel"][0, 0])
