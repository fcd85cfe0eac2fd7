"""Classify from asyncio: the loop stays free, as many predictions at once as there are cores, and a short queue.

python examples/asyncio_limits.py MODEL PICTURE...
"""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lcnn_engine import Net, kernel_info


class QueueFullError(Exception):
    """All cores are at work and the queue is full: answer 503, and let the client come again."""


class Classifier:
    """``cores`` predictions at once, and ``waiting`` more in the queue."""

    def __init__(self, net: Net, cores: int, waiting: int) -> None:
        self._net, self._pool = net, ThreadPoolExecutor(cores)
        self._places = threading.Semaphore(cores + waiting)

    async def classify(self, picture: Any, seconds: float) -> list[Any]:
        """Give the classes, or raise TimeoutError after ``seconds``, the time in the queue included."""
        if not self._places.acquire(blocking=False):
            raise QueueFullError
        work = self._pool.submit(self._net.classify, picture)
        # A prediction that has begun runs to its end, whoever has stopped waiting for it: its place is free only then.
        work.add_done_callback(lambda _: self._places.release())
        return await asyncio.wait_for(asyncio.wrap_future(work), seconds)  # takes `work` back, if it has not begun


async def main(model: str, *pictures: str) -> None:
    cores = kernel_info()["threads"]
    classifier = Classifier(Net.load(model, threads=1), cores, waiting=len(pictures))
    answers = await asyncio.gather(*(classifier.classify(picture, seconds=10) for picture in pictures))
    for picture, ((label, probability), *_) in zip(pictures, answers, strict=True):
        print(f"{picture}: {label} {probability:.2f}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
