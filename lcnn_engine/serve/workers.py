"""Threads that compute, and a bounded queue before them.

A network's run lets go of the GIL, so these threads fill as many cores. Work that has begun cannot be taken back: where
its time is up the caller is told, and the thread goes on until it is done.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from starlette.exceptions import HTTPException

__all__ = ["Workers", "busy"]

T = TypeVar("T")
RETRY_SECONDS = 1


def busy(expected: str) -> HTTPException:
    """Make the answer to a request for which there is no room now."""
    detail = f"expected {expected}, found the server busy; try again in {RETRY_SECONDS} s"
    return HTTPException(503, detail, {"Retry-After": str(RETRY_SECONDS)})


def _ending() -> HTTPException:
    return busy("a server that is not about to end")


class Workers:
    """``threads`` threads, with room for ``queue`` jobs that wait."""

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lcnn-serve")
        self._lock = threading.Lock()
        self._most = threads + queue
        self._taken = 0

    @property
    def taken(self) -> int:
        """Jobs that run or wait."""
        return self._taken

    def check(self) -> None:
        """Raise HTTPException 503 where there is no room: before a body is read for nothing."""
        if self._taken >= self._most:
            raise busy(f"at most {self._most} requests at once")

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """Run ``work`` in a thread, and give what it gives.

        Raises what ``work`` raises; HTTPException 503 where there is no room or no thread came free within
        ``seconds``, 504 where ``work`` took longer.
        """
        with self._lock:
            self.check()
            self._taken += 1
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # shut down
            self._leave()
            raise _ending() from None
        await self._until_done(future, seconds)
        if future.cancelled():
            raise _ending()
        if future.cancel():
            raise busy(f"a thread within {seconds:g} s")
        if not future.done():
            raise HTTPException(504, f"expected an answer within {seconds:g} s, found none; send less at once")
        return future.result()

    async def _until_done(self, future: Future[T], seconds: float) -> None:
        """Wait for work, or until its time is up: ``wait_for(wrap_future(...))``, with less on the way."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()

        def end() -> None:
            if not over.done():
                over.set_result(None)

        def leave(_: Future[T]) -> None:
            self._leave()
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(end)

        timer = loop.call_later(seconds, end)
        future.add_done_callback(leave)
        try:
            await over
        except asyncio.CancelledError:  # whoever asked has no use for it
            future.cancel()
            raise
        finally:
            timer.cancel()

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1

    def shut_down(self) -> None:
        """Take no more jobs, and drop those that wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)
