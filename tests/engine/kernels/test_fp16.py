"""Weights that float16 holds exactly stay in half precision in memory, and give the bits that float32 gives."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.kernels import fits_fp16, transpose_into
from lcnn_engine.plan import Plan
from tests.helpers.kernel_cases import DENSE_LANES, VARIANTS, Network, check, edges, seeded

ALL = np.arange(2**16, dtype=np.uint16).view(np.float16)
ALL = ALL[np.isfinite(ALL)]


def rounded(network: Network) -> Network:
    network.tensors = {
        name: tensor.astype(np.float16).astype(np.float32) if tensor.dtype == np.float32 else tensor
        for name, tensor in network.tensors.items()
    }
    return network


def test_every_half_is_found_again() -> None:
    numbers = ALL.astype(np.float32)
    assert fits_fp16(numbers)
    found = np.empty((1, len(ALL)), np.float16)
    transpose_into(found, numbers[:, None])
    assert np.array_equal(found[0].view(np.uint16), ALL.view(np.uint16))


def test_what_rounding_changes_is_no_half() -> None:
    bits = seeded("fits_fp16").integers(0, 2**32, 20_000, dtype=np.uint32)
    bits[::2] &= np.uint32(0xFFFFE000)  # the bits that a half has no room for
    numbers = bits.view(np.float32)
    numbers = np.concatenate([numbers[np.isfinite(numbers)], np.float32([65504, 65519, 65520, 2.0**-24, 2.0**-25])])
    with np.errstate(over="ignore"):
        fits = numbers.astype(np.float16).astype(np.float32) == numbers
    assert 500 < fits.sum() < len(numbers) - 500
    assert [fits_fp16(number) for number in numbers[:, None]] == fits.tolist()


def test_one_wrong_number_is_seen_anywhere() -> None:
    numbers = np.ones((90, 111), np.float32)
    assert fits_fp16(numbers)
    for place in ((0, 0), (3, 7), (89, 110), *((row, row) for row in range(0, 90, 7))):
        wrong = numbers.copy()
        wrong[place] += np.float32(2**-20)
        assert not fits_fp16(wrong)
    assert fits_fp16(np.empty((0, 3), np.float32))


@pytest.mark.parametrize("units", sorted({1, 2, *edges(DENSE_LANES), 1000, 2100}))
def test_units(units: int) -> None:
    for length, zeros in ((37, 0.0), (300, 0.7)):
        network = Network((length,), seeded("fits_fp16", units, length))
        network.add("dense", units=units, activation="relu")
        check(rounded(network), zeros=zeros)


def test_every_half_as_a_weight() -> None:
    network = Network((1,), seeded("every half"))
    network.add("dense", units=len(ALL))
    network.tensors[f"{network.nodes[-1].name}/kernel"] = ALL.astype(np.float32)[:, None]
    check(network)


def test_a_matrix_beyond_the_caches() -> None:
    network = Network((4096,), seeded("large"), k=300, density=0.05)
    network.add("lookup_dense", units=1100, activation="relu")
    network.add("dense", units=1000)
    check(rounded(network), zeros=0.5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_bits_as_float32(variant: str) -> None:
    """One weight more, which no half holds and which meets an input of 0, keeps the layer in float32."""
    network = Network((64,), seeded("bits", variant))
    network.add("dense", units=200)
    name = f"{network.nodes[-1].name}/kernel"
    as_fp16 = rounded(network).tensors
    kernel = as_fp16[name].copy()
    kernel[5, 7] = np.float32(1 / 3)
    assert fits_fp16(as_fp16[name])
    assert not fits_fp16(kernel)
    graph = network.graph()
    x = seeded("x").standard_normal((1, *graph.input.shape), dtype=np.float32)
    x.reshape(-1)[7] = 0
    outputs = []
    for tensors in (as_fp16, {**as_fp16, name: kernel}):
        out = np.empty((1, *graph.output_shape), np.float32)
        Plan(graph, tensors, variant=variant).run(x, [out], threads=1)
        outputs.append(out)
    assert np.array_equal(*outputs)
