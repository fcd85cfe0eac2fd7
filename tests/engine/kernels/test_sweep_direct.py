"""S = D X without a BLAS: every kernel variant against the reference, over the sizes where it goes wrong."""

from __future__ import annotations

import pytest

from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import WIDTHS, Network, check, edges, seeded

MACHINES = {
    "as chosen": Machine(blas=False),
    "columns in lanes": Machine(blas=False, empty_lanes=1e9),
    "atoms in lanes": Machine(blas=False, empty_lanes=0.0),
    "atoms in lanes, in passes": Machine(blas=False, empty_lanes=0.0, conv_pass_bytes=1000),
}


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return MACHINES[request.param]


@pytest.mark.parametrize("k", [1, 3, 4, 5, 8, 9, 12, 13, 16, 31, 64, 200])
def test_atoms(k: int, machine: Machine) -> None:
    network = Network((6, 7, 5), seeded("direct k", k), k=k, density=min(1.0, 40 / k))
    network.add("lookup_conv2d", filters=5, kernel_size=(3, 3))
    check(network, machine=machine)


@pytest.mark.parametrize("channels", [1, 2, 3, 64, 255, 256, 257, 513, 1030])
def test_channels(channels: int, machine: Machine) -> None:
    network = Network((5, 6, channels), seeded("direct m", channels), k=13)
    network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    check(network, machine=machine)


@pytest.mark.parametrize("columns", edges([*WIDTHS, *(2 * w for w in WIDTHS), *(3 * w for w in WIDTHS), 144, 400]))
def test_columns(columns: int, machine: Machine) -> None:
    network = Network((1, columns, 7), seeded("direct columns", columns), k=11)
    network.add("lookup_conv2d", filters=9, kernel_size=(1, 3), padding=(0, 0, 1, 1), activation="relu")
    check(network, machine=machine)


def test_strides_pairs_and_vectors(machine: Machine) -> None:
    for strides in ((2, 2), (4, 1)):
        network = Network((19, 23, 6), seeded("direct strides", strides), k=9)
        network.add("lookup_conv2d", filters=24, kernel_size=(5, 5), strides=strides, padding=(2, 2, 2, 2))
        network.add("flatten")
        network.add("lookup_dense", units=20)
        check(network, machine=machine)


def test_exact_numbers_have_equal_bits(machine: Machine) -> None:
    network = Network((14, 17, 40), seeded("direct exact"), k=21)
    network.add("lookup_conv2d", filters=17, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    check(network, machine=machine, exact=True)
