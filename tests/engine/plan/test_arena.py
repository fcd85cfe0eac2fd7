"""Buffers in one arena: no two in use together overlap, but for those that replace another."""

from __future__ import annotations

import time

import numpy as np

from lcnn_engine.plan.arena import Buffer, Lifetime, lifetimes_of, place
from lcnn_engine.plan.calls import KernelCall
from lcnn_engine.plan.fields import NoFields, Nonzeros
from lcnn_engine.plan.references import INPUT, Map, Place


def test_buffers_in_use_together_never_overlap() -> None:
    rng = np.random.default_rng(0)
    buffers, lifetimes = [], []
    for _ in range(300):
        first = int(rng.integers(0, 100))
        buffers.append(Buffer(int(rng.integers(1, 500))))
        lifetimes.append(Lifetime(first, first + int(rng.integers(0, 30))))
    arena = place(buffers, lifetimes)
    for i in range(300):
        assert arena.offsets[i] > 0
        assert arena.offsets[i] + buffers[i].size < arena.size
        for j in range(i):
            together = lifetimes[i].first <= lifetimes[j].last and lifetimes[j].first <= lifetimes[i].last
            apart = (
                arena.offsets[i] + buffers[i].size <= arena.offsets[j]
                or arena.offsets[j] + buffers[j].size <= arena.offsets[i]
            )
            assert apart or not together
    assert arena.size < 0.7 * sum(buffer.size for buffer in buffers)  # lives that do not meet share their place


def test_a_buffer_takes_the_place_of_one_that_ends_as_it_begins() -> None:
    second, other, heir, read_later, ended = range(5)
    buffers = [Buffer(16, (heir,)), Buffer(16), Buffer(16, (read_later, ended)), Buffer(16), Buffer(16)]
    lives = [Lifetime(5, 9), Lifetime(4, 7), Lifetime(3, 5), Lifetime(1, 4), Lifetime(0, 3)]
    offsets = place(buffers, lives).offsets
    assert offsets[second] == offsets[heir] == offsets[ended]
    assert len({offsets[ended], offsets[read_later], offsets[other]}) == 3


def test_many_small_free_stretches_are_not_looked_at_in_turn() -> None:
    count = 20_000
    buffers = [Buffer(16)] * count + [Buffer(32)] * count
    lives = [Lifetime(i, 2 * count if i % 2 else count) for i in range(count)]  # every second one leaves a stretch free
    lives += [Lifetime(count + 1 + i, 2 * count) for i in range(count)]
    start = time.perf_counter()
    place(buffers, lives)
    assert time.perf_counter() - start < 5


def test_a_buffer_lives_from_its_first_call_to_its_last() -> None:
    def a_map(buffer: int) -> Map:
        return Map(Place(buffer, 3), 1, 1, 1, 1, 1, 0, 0, 0, 0)

    calls = [
        KernelCall(0, "pointwise", NoFields(), (a_map(INPUT.buffer),), a_map(0)),
        KernelCall(1, "nonzeros", Nonzeros(Place(2), 1), (a_map(0),)),
        KernelCall(2, "add", NoFields(), (a_map(0), a_map(1)), a_map(1)),
    ]
    assert lifetimes_of(calls, 4) == [Lifetime(0, 2), Lifetime(2, 2), Lifetime(1, 1), Lifetime(-1, -1)]
