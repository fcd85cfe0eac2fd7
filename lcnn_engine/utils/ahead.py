"""Work on many things at once, a bounded number ahead of whoever takes the results, which come in order."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Queue
from typing import TypeVar

__all__ = ["in_order", "pieces"]

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4  # results a worker that may wait to be taken


def in_order(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[tuple[T, R]]:
    """Give each item with ``work(item)``, in the order of ``items``, from ``workers`` threads.

    ``items`` is gone through in a thread of its own, so that a result comes as soon as it is there, also where the next
    item is long in coming. What ``work`` or ``items`` raises is raised here. The threads are daemons: a program that is
    interrupted ends without them.
    """
    jobs: Queue[tuple[T, Future[R]] | None] = Queue()
    results: Queue[tuple[T, Future[R]] | BaseException | None] = Queue(AHEAD * workers)
    left = threading.Event()  # by whoever took the results

    def feed() -> None:
        end: BaseException | None = None
        try:
            for item in items:
                job = item, Future[R]()
                results.put(job)  # waits while enough is ahead
                jobs.put(job)
                if left.is_set():
                    break
        except BaseException as error:
            end = error
        results.put(end)
        for _ in range(workers):
            jobs.put(None)

    def serve() -> None:
        while (job := jobs.get()) is not None:
            item, future = job
            if left.is_set():
                continue
            try:
                future.set_result(work(item))
            except BaseException as error:
                future.set_exception(error)

    for target in (feed, *[serve] * workers):
        threading.Thread(target=target, daemon=True).start()
    try:
        while isinstance(job := results.get(), tuple):
            yield job[0], job[1].result()
    finally:
        left.set()
        while not results.empty():  # the thread that feeds may wait for a place
            results.get()
    if job is not None:
        raise job


def pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Give lists of ``size`` items, the last one of what is left."""
    items = iter(items)
    while piece := list(itertools.islice(items, size)):
        yield piece
