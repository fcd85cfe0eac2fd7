"""Results in order, from threads that are a bounded number ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lcnn_engine.utils.ahead import AHEAD, in_order, pieces


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order(workers: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        return number * number

    assert list(in_order(work, range(50), workers)) == [(number, number * number) for number in range(50)]
    assert list(in_order(work, [], workers)) == []


def test_workers_work_at_once() -> None:
    meeting = threading.Barrier(3)
    assert len(list(in_order(lambda _: meeting.wait(600), range(6), 3))) == 6


def test_a_bounded_number_ahead() -> None:
    asked = []

    def items() -> Iterator[int]:
        for number in range(1000):
            asked.append(number)
            yield number

    results = in_order(lambda number: number, items(), 2)
    next(results)
    time.sleep(0.2)
    assert len(asked) <= 2 * AHEAD + 3
    results.close()  # type: ignore[attr-defined]
    time.sleep(0.2)
    assert len(asked) < 4 * AHEAD + 10


def test_a_result_does_not_wait_for_the_next_item() -> None:
    go_on = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert go_on.wait(600)
        yield 2

    results = in_order(lambda number: number, items(), 4)
    assert next(results) == (1, 1)
    go_on.set()
    assert list(results) == [(2, 2)]


def test_errors_are_raised_where_results_are_taken() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, [1, 0], 2))

    def items() -> Iterator[int]:
        yield 1
        raise KeyError("items")

    results = in_order(lambda number: number, items(), 2)
    assert next(results) == (1, 1)
    with pytest.raises(KeyError):
        next(results)


def test_pieces() -> None:
    assert list(pieces(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(pieces([], 3)) == []
