"""The table of machines, and which class is taken to be this one."""

from __future__ import annotations

import os

import pytest

from lcnn_engine.kernels import LAYOUTS, usable_variants
from lcnn_engine.plan.times import machines
from lcnn_engine.plan.times.machines import Times, nearest, read_table, second_level_cache, times_of


def _times(variant: str, near: int) -> Times:
    return Times(f"{variant} {near}", variant, near, 2**25, {}, {})


def test_every_class_knows_every_kernel_and_no_time_is_below_nothing() -> None:
    for entry in read_table():
        assert set(entry["kernels"]) == set(LAYOUTS), entry["name"]
        values = [value for each in entry["kernels"].values() for value in each.values()]
        values += entry["activations"].values()
        assert min(values) > 0  # those that are 0 are left out
        assert all(sum(each.values()) > 0 for each in entry["kernels"].values())


def test_every_variant_of_this_machine_is_in_the_table() -> None:
    assert {entry["variant"] for entry in read_table()} >= set(usable_variants())


@pytest.mark.parametrize(
    ("near", "wanted"), [(2**20, 2**20), (2**18, 2**18), (2**19 - 1, 2**18), (2**23, 2**21), (0, 2**18)]
)
def test_the_nearest_cache_of_the_same_variant_is_taken(near: int, wanted: int) -> None:
    classes = [_times("avx512", 2**20), *(_times("avx2", size) for size in (2**18, 2**20, 2**21)), _times("scalar", 1)]
    chosen = nearest(classes, "avx2", near)
    assert (chosen.variant, chosen.near) == ("avx2", wanted)


def test_a_variant_without_a_class_goes_by_the_last_one() -> None:
    assert nearest([_times("avx2", 2**20), _times("scalar", 2**20)], "of tomorrow", 2**20).variant == "scalar"


def test_a_system_that_does_not_say_its_cache_still_has_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert second_level_cache() == 0
    monkeypatch.setattr(machines, "second_level_cache", lambda: 0)
    times_of.cache_clear()
    try:
        assert times_of("scalar").variant == "scalar"
    finally:
        times_of.cache_clear()
