"""Threads behind a bounded queue."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from starlette.exceptions import HTTPException

from lcnn_engine.serve.workers import Workers


def test_it_gives_and_raises_what_the_work_does():
    workers = Workers(1, 0)

    async def ask() -> None:
        assert await workers.run(lambda: 3, 5) == 3
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0, 5)
        assert workers.taken == 0

    asyncio.run(ask())


def test_no_more_threads_work_at_once_than_there_are():
    workers = Workers(2, 10)
    lock = threading.Lock()
    at_work, most = 0, 0

    def work() -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        with lock:
            at_work -= 1

    async def ask() -> None:
        await asyncio.gather(*(workers.run(work, 30) for _ in range(10)))

    asyncio.run(ask())
    assert most == 2


def test_beyond_the_queue_there_is_no_room():
    workers = Workers(1, 1)
    go = threading.Event()

    async def ask() -> None:
        jobs = [asyncio.create_task(workers.run(go.wait, 30)) for _ in range(2)]
        await asyncio.sleep(0.05)
        for refused in (workers.check, None):
            with pytest.raises(HTTPException) as caught:
                refused() if refused else await workers.run(go.wait, 30)
            assert caught.value.status_code == 503
            assert caught.value.headers == {"Retry-After": "1"}
        go.set()
        assert await asyncio.gather(*jobs) == [True, True]
        assert await workers.run(lambda: 1, 30) == 1

    asyncio.run(ask())


def test_work_that_is_late_keeps_its_place_until_it_is_done():
    """Work that waits is dropped when its time is up; work that has begun goes on."""
    workers = Workers(1, 1)
    go = threading.Event()
    done: list[str] = []

    def slow() -> None:
        go.wait(30)
        done.append("slow")

    async def ask() -> None:
        found = await asyncio.gather(
            workers.run(slow, 0.1), workers.run(lambda: done.append("waited"), 0.1), return_exceptions=True
        )
        assert [error.status_code for error in found if isinstance(error, HTTPException)] == [504, 503]
        assert workers.taken == 1
        go.set()
        assert await workers.run(lambda: "next", 30) == "next"

    asyncio.run(ask())
    assert done == ["slow"]


def test_shut_down_it_takes_nothing_and_drops_what_waits():
    workers = Workers(1, 5)
    go = threading.Event()

    async def ask() -> None:
        running = asyncio.create_task(workers.run(go.wait, 30))
        waiting = asyncio.create_task(workers.run(go.wait, 30))
        await asyncio.sleep(0.05)
        workers.shut_down()
        with pytest.raises(HTTPException, match="about to end"):
            await workers.run(lambda: 1, 30)
        go.set()
        assert await running
        with pytest.raises(HTTPException, match="about to end"):
            await waiting

    asyncio.run(ask())
    assert workers.taken == 0


def test_who_asks_no_more_is_not_worked_for():
    workers = Workers(1, 5)
    go = threading.Event()
    done: list[str] = []

    async def ask() -> None:
        running = asyncio.create_task(workers.run(go.wait, 30))
        waiting = asyncio.create_task(workers.run(lambda: done.append("waited"), 30))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go.set()
        assert await running
        assert await workers.run(lambda: 1, 30) == 1

    asyncio.run(ask())
    assert (done, workers.taken) == ([], 0)


def test_work_that_ends_after_the_loop_has():
    workers = Workers(1, 0)
    go = threading.Event()

    async def ask() -> None:
        with pytest.raises(HTTPException) as caught:
            await workers.run(lambda: go.wait(30), 0.05)
        assert caught.value.status_code == 504

    asyncio.run(ask())
    assert workers.taken == 1
    go.set()
    workers._pool.shutdown(wait=True)
    assert workers.taken == 0
