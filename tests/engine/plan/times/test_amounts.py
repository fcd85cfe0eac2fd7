"""What calls that multiply consist of, and where what they read comes from."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.kernels import LAYOUTS, capabilities
from lcnn_engine.plan import planned
from lcnn_engine.plan.calls import KernelCall
from lcnn_engine.plan.times.amounts import MULTIPLYING, Surroundings
from lcnn_engine.plan.times.moving import MOVING
from lcnn_engine.plan.times.predicting import CalledAmounts, amounts_of
from tests.helpers.kernel_cases import Network, seeded

NEAR, SHARED = 2**20, 2**25


def amounts(network: Network, kernel: str, precision: str = "float32", resident: float = 0.0) -> dict[str, float]:
    """Those of the one call of ``kernel`` in a network."""
    one = planned(network.graph(), network.tensors, variant="scalar", precision=precision, multiplied=())
    found = [a for a in amounts_of(one.lowered, one.able, NEAR, SHARED, resident=resident) if a.call.kernel == kernel]
    assert len(found) == 1
    return found[0].amounts


def test_every_kernel_is_in_one_of_the_tables() -> None:
    assert sorted([*MULTIPLYING, *MOVING]) == sorted(LAYOUTS)


def test_a_product_counts_its_multiplications() -> None:
    network = Network((6, 5, 8), seeded("product"), k=12, density=1.0)
    network.add("lookup_conv2d", filters=3, kernel_size=(1, 1))
    found = amounts(network, "dictionary")
    assert found["multiply"] == 12 * 8 * 30
    assert found["write"] == 12 * 30
    assert found["pack x"] == 8 * 30


def test_lookups_count_a_load_for_every_vector_of_pixels() -> None:
    network = Network((4, 16, 8), seeded("tile"), k=0, density=1.0)
    network.add("lookup_conv2d", filters=3, kernel_size=(1, 1))
    found = amounts(network, "lookup_tile")
    lookups = len(network.tensors["lookup_conv2d_0/indices"])
    assert found["straddling"] == lookups * 4 * 16 / 4  # vectors of four, tiles that have no rest
    assert "far" not in found


def test_a_convolution_counts_what_its_lanes_make() -> None:
    network = Network((4, 6, 8), seeded("conv"))
    network.add("conv2d", filters=5, kernel_size=(2, 2), padding=(0, 1, 0, 1))
    found = amounts(network, "conv")
    assert found["multiply"] == 32 * 24 * 2  # five filters are two vectors of four
    assert found["load"] == 32 * 4 * 2  # tiles of six pixels


def test_a_depthwise_convolution_counts_its_vectors() -> None:
    network = Network((8, 10, 6), seeded("depthwise"))
    network.add("conv2d", filters=6, kernel_size=(3, 3), strides=(2, 2), padding=(1, 1, 1, 1), groups=6)
    found = amounts(network, "conv_depthwise")
    assert found["multiply by two"] == 6 * 4 * 2 * 9  # rows of five pixels are two vectors of four
    assert (found["end"], found["row"]) == (6 * 4 * 2, 6 * 4)


def test_winograds_windows_and_products_are_counted_apart() -> None:
    network = Network((8, 8, 16), seeded("winograd"))
    network.add("conv2d", filters=16, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    assert amounts(network, "winograd_input")["window"] == 16 * 4  # rows of four windows are a vector
    assert amounts(network, "conv_winograd")["multiply"] == 16 * 16 * 16 * 16 / 4


def test_inputs_that_are_0_have_no_row_of_a_dense_layer_read() -> None:
    network = Network((64,), seeded("dense"))
    network.add("activation", activation="relu")
    network.add("dense", units=40)
    found = amounts(network, "dense")
    assert found["multiply whole"] == 32 * 48  # half of them, and whole cache lines
    plain = Network((64,), seeded("dense"))
    plain.add("dense", units=40)
    assert amounts(plain, "dense")["multiply whole"] == 64 * 48


@pytest.mark.parametrize(
    ("resident", "far", "memory"),
    [(0, 0, 0), (NEAR / 2, 0, 0), (NEAR * 0.75, 0.5, 0), (SHARED / 2, 1, 0), (SHARED * 0.75, 0.5, 0.5), (SHARED, 0, 1)],
)
def test_weights_come_from_where_a_run_has_left_them(resident: float, far: float, memory: float) -> None:
    found = Surroundings(capabilities("scalar"), NEAR, SHARED, resident).weights(1000.0)
    assert (found.get("far", 0), found.get("memory", 0)) == (pytest.approx(1000 * far), pytest.approx(1000 * memory))


def test_what_is_larger_than_the_cache_spills() -> None:
    around = Surroundings(capabilities("scalar"), NEAR, SHARED, 0)
    assert around.values(NEAR / 2)["spilled"] == 0
    assert around.values(NEAR)["spilled"] == NEAR / 2


def test_amounts_are_counts() -> None:
    """Of all kernels of a larger network: finite, and none below 0."""
    network = Network((20, 20, 3), seeded("counts"), k=40)
    for _ in range(2):
        network.add("lookup_conv2d", filters=24, kernel_size=(3, 3), strides=(2, 2), padding=(1, 1, 1, 1))
    network.add("conv2d", filters=10, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="silu")
    network.add("flatten")
    network.add("dense", units=9)
    for precision in ("float32", "bfloat16", "int8"):
        one = planned(network.graph(), network.tensors, variant="scalar", precision=precision, multiplied=())
        found: list[CalledAmounts] = list(amounts_of(one.lowered, one.able, NEAR, SHARED))
        assert [a.call for a in found] == list(one.lowered.calls)
        values = np.array([value for a in found for value in a.amounts.values()])
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert isinstance(found[0].call, KernelCall)
