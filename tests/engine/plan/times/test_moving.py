"""What calls that mostly move values consist of."""

from __future__ import annotations

import pytest

from tests.engine.plan.times.test_amounts import amounts
from tests.helpers.kernel_cases import Network, seeded


@pytest.mark.parametrize(
    ("size", "stride", "kind"),
    [(2, 2, "2 by two"), (3, 2, "3 by two"), (3, 1, "three by one"), (2, 1, "by one"), (3, 3, "columns")],
)
def test_a_pool_counts_what_its_loop_loads(size: int, stride: int, kind: str) -> None:
    network = Network((12, 12, 5), seeded("pool"))
    network.add("max_pool2d", pool_size=(size, size), strides=(stride, stride))
    assert amounts(network, "max_pool")[kind] > 0


def test_an_image_of_few_channels_is_split_all_at_once() -> None:
    network = Network((8, 8, 3), seeded("image"))
    network.add("max_pool2d", pool_size=(2, 2))
    assert amounts(network, "space_to_depth")["together"] % (8 * 3) == 0


def test_an_image_of_many_channels_is_taken_apart_one_by_one() -> None:
    network = Network((8, 8, 65), seeded("image"))
    network.add("max_pool2d", pool_size=(2, 2))
    assert amounts(network, "space_to_depth")["value by many"] % (8 * 65) == 0


def test_rows_that_are_not_whole_vectors_count_as_such() -> None:
    network = Network((7, 7, 3), seeded("rows"))
    network.add("batch_norm")
    found = amounts(network, "pointwise")
    assert (found["value"], found["row"], found["vector"]) == (7 * 7 * 3, 7 * 3, 7 * 3 * 2)


def test_a_result_with_a_border_counts_it() -> None:
    network = Network((7, 7, 3), seeded("border"))
    network.add("batch_norm")
    assert "border" not in amounts(network, "pointwise")
    network.add("conv2d", filters=2, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    assert amounts(network, "pointwise")["border"] == 3 * 2 * 8
