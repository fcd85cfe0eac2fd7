"""``examples/asyncio_limits.py``: answers, a bounded number of them, time limits, and a loop that stays free."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from lcnn_engine import InputError, Net
from tests.helpers.deploy_page import DIGITS, MODEL, Clone, answers, label_of
from tests.helpers.examples import example

asyncio_limits = example("asyncio_limits.py")


class Slow:
    """A network whose predictions last until they are let go."""

    def __init__(self) -> None:
        self.go, self.begun, self.pictures = threading.Event(), threading.Event(), []

    def classify(self, picture: Any) -> list[Any]:
        self.pictures.append(picture)
        self.begun.set()
        assert self.go.wait(60)
        return [(str(picture), 1.0)]


def test_as_printed(clone: Clone) -> None:
    found = answers(clone.output("examples/asyncio_limits.py"))
    assert len(found) == len(DIGITS)
    assert sum(label_of(picture) == label for picture, label in found.items()) >= 58


def test_too_many_are_refused_at_once() -> None:
    async def run() -> None:
        net = Slow()
        classifier = asyncio_limits.Classifier(net, cores=1, waiting=1)
        waiting = [asyncio.ensure_future(classifier.classify(i, seconds=60)) for i in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(asyncio_limits.QueueFullError):
            await classifier.classify(2, seconds=60)
        net.go.set()
        assert [answer[0][0] for answer in await asyncio.gather(*waiting)] == ["0", "1"]
        assert await classifier.classify(3, seconds=60) == [("3", 1.0)]

    asyncio.run(run())


def test_time_is_limited_and_a_core_stays_taken_while_it_works() -> None:
    async def run() -> None:
        net = Slow()
        classifier = asyncio_limits.Classifier(net, cores=1, waiting=1)
        with pytest.raises(asyncio.TimeoutError):  # begun, and not to be stopped
            await classifier.classify("runs", seconds=0.01)
        with pytest.raises(asyncio.TimeoutError):  # taken out of the queue
            await classifier.classify("waits", seconds=0.01)
        queued = asyncio.ensure_future(classifier.classify("queued", seconds=60))
        await asyncio.sleep(0)
        with pytest.raises(asyncio_limits.QueueFullError):
            await classifier.classify("too many", seconds=60)
        net.go.set()
        assert await queued == [("queued", 1.0)]
        assert net.pictures == ["runs", "queued"]

    asyncio.run(run())


def test_a_cancelled_request_leaves_everything_usable() -> None:
    async def run() -> None:
        classifier = asyncio_limits.Classifier(Net.load(MODEL, threads=1), cores=1, waiting=4)
        for _ in range(20):
            request = asyncio.ensure_future(classifier.classify(DIGITS[0], seconds=60))
            await asyncio.sleep(0.001)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)  # it may have been answered by now
            while True:  # what had begun keeps its place for a moment
                try:
                    (label, _), *_ = await classifier.classify(DIGITS[1], seconds=60)
                    break
                except asyncio_limits.QueueFullError:
                    await asyncio.sleep(0.01)
            assert label == label_of(DIGITS[1].name)

    asyncio.run(run())


def test_errors_reach_the_caller() -> None:
    async def run() -> None:
        classifier = asyncio_limits.Classifier(Net.load(MODEL, threads=1), cores=1, waiting=0)
        for _ in range(3):  # and the place is free again
            with pytest.raises(InputError, match="expected a whole image"):
                await classifier.classify(b"no picture", seconds=60)
            await asyncio.sleep(0.05)

    asyncio.run(run())
