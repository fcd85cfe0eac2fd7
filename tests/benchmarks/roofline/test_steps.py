"""Bounds by hand, on limits that are round numbers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("threadpoolctl")

from benchmarks.networks.builder import NetBuilder
from benchmarks.roofline.steps import Roofline
from lcnn_engine import Net
from lcnn_engine.analysis.profile import ProfileStep
from lcnn_engine.plan.calls import StepKind
from tests.helpers.limits import LIMITS


@pytest.fixture
def roofline() -> Roofline:
    """Of a lookup convolution of 20 lookups on 10x10x4 with 8 atoms, then a dense layer of half zeros."""
    net = NetBuilder("two layers", (10, 10, 4))
    net.lookup_conv("conv", 16, 3, 1, 1, atoms=8, density=20 / (16 * 9 * 8))
    net.add("global_max_pool2d", "pooled")
    net.dense("last", 10)
    graph, tensors = net.finish()
    tensors["conv/indptr"] = np.rint(np.linspace(0, 20, 17)).astype(np.int32)  # so that no filter is without
    tensors["conv/indices"] = 3 * np.arange(20, dtype=np.int32)
    own = Roofline(Net(graph, tensors, threads=1), tensors, np.zeros(graph.input.shape, np.float32), LIMITS)
    own._nonzero["pooled"] = 0.5
    return own


@pytest.mark.parametrize(
    ("step", "kind", "multiplications", "weights", "activations"),
    [
        ("conv", StepKind.DICTIONARY, 3200, 4 * 8 * 4, 4 * (400 + 800)),
        ("conv", StepKind.SPLIT_BY_STRIDE, 0, 0, 2 * 4 * 400),
        ("conv", StepKind.LOOKUP_TILE, 2000, 8 * 20, 4 * (800 + 1600)),
        ("conv", StepKind.LOOKUP_GATHER, 2000, 8 * 20, 4 * (800 + 1600)),
        ("pooled", StepKind.GLOBAL_POOL, 0, 0, 4 * (1600 + 16)),
        ("last", StepKind.NONZEROS, 0, 0, 4 * 16),
        ("last", StepKind.DENSE, 80, 4 * 80, 4 * (16 + 10)),
        ("last", StepKind.OUTPUT, 0, 0, 2 * 4 * 10),
        ("image", StepKind.INPUT, 0, 0, 2 * 4 * 400),
    ],
)
def test_what_a_step_must_move(
    step: str, kind: StepKind, multiplications: int, weights: int, activations: int, roofline: Roofline
) -> None:
    made = 2 * multiplications if kind is StepKind.DENSE else multiplications  # half of them are of zeros
    found = roofline.bound(ProfileStep(step, "operation", "kernel", 1e-3, made, kind))
    # The network's 2 KB of weights lie in "L3".
    memory = weights / 2e9 + LIMITS.seconds(activations, activations)
    assert found.bound_us == pytest.approx(1e6 * max(multiplications / 1e9, memory))
    assert found.times == pytest.approx(1000 / found.bound_us)
    assert (found.bound_by == "multiplications") == (multiplications / 1e9 >= memory)


def test_what_is_folded_is_not_moved() -> None:
    net = NetBuilder("two layers", (10, 10, 4))
    net.lookup_conv("conv", 16, 3, 1, 1, atoms=8, density=0.5)
    net.conv("last", 2, 1)
    graph, tensors = net.finish()
    tensors["conv/bias"][:] = 0
    ends = tensors["conv/indptr"]
    tensors["conv/indptr"] = np.minimum(ends, ends[4])  # four filters have lookups
    for name in ("conv/indices", "conv/coefficients"):
        tensors[name] = tensors[name][: ends[4]]
    own = Roofline(Net(graph, tensors, threads=1), tensors, np.zeros(graph.input.shape, np.float32), LIMITS)
    step = ProfileStep("conv", "operation", "kernel", 1e-3, 100 * int(ends[4]), StepKind.LOOKUP_TILE)
    assert own.work(step).activations == 4 * (800 + 400)


@pytest.mark.parametrize(
    ("precision", "kernel", "rate", "size"),
    [("float32", "conv 32", 1e9, 4), ("bfloat16", "conv bf16 32", 2e9, 2), ("int8", "conv int8 32", 4e9, 1)],
)
def test_a_step_is_bound_by_what_it_multiplies(precision: str, kernel: str, rate: float, size: int) -> None:
    net = NetBuilder("one layer", (10, 10, 4))
    net.conv("conv", 16, 3, 1, 1)
    graph, tensors = net.finish()
    own = Roofline(Net(graph, tensors, precision=precision), tensors, np.zeros(graph.input.shape, np.float32), LIMITS)
    step = ProfileStep("conv", "operation", kernel, 1.0, 10**9, StepKind.CONV)
    assert own.work(step)[:2] == (size * (16 * 36 + 16), size * 400 + 4 * 1600)
    assert own.bound(step).bound_us == pytest.approx(1e6 * 1e9 / rate)
    assert (own.bound(step).times, own.bound(step).bound_by) == (pytest.approx(rate / 1e9), "multiplications")


@pytest.mark.parametrize(("kernel", "moved"), [("ranges", 4), ("pack quads", 5), ("pack pairs", 6)])
def test_what_becomes_words_is_read_and_written(kernel: str, moved: int, roofline: Roofline) -> None:
    kind = StepKind.PACK_PAIRS if kernel == "pack pairs" else StepKind.PACK_QUADS
    work = roofline.work(ProfileStep("conv", "operation", kernel, 1e-3, 0, kind))
    assert tuple(work) == (0.0, moved * 400, 0.0)
