"""A run that takes long ends soon after a signal whose handler raises, and goes on after one whose handler does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from lcnn_engine import Net
from lcnn_engine.model.graph import Conv2D, GlobalAvgPool2D, LookupConv2D
from tests.helpers.networks import chain, images, with_tensors
from tests.helpers.running import ROOT

ALLOWED = 0.2  # seconds from the signal to the end of the run
LONG = 2.0  # seconds that a whole run takes at least
TRIES = 3  # of which the fastest counts, on a machine that has other work


class StopError(Exception):
    """What the handlers here raise."""


def network() -> Net:
    """A network of a few milliseconds, on small images."""
    nodes = [
        Conv2D(name="conv", inputs=("image",), filters=64, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        Conv2D(name="wide", inputs=("conv",), filters=64, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        LookupConv2D(name="lookup", inputs=("wide",), filters=64, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        GlobalAvgPool2D(name="mean", inputs=("lookup",)),
    ]
    return Net(*with_tensors(chain(nodes, (40, 40, 3)), {"lookup": 16}), threads=2)


@pytest.fixture(scope="module")
def net() -> Net:
    return network()


@pytest.fixture(scope="module")
def batch(net: Net) -> np.ndarray:
    """Images for more than LONG."""
    few = images(net.graph, 8)
    net.run(few)
    start = time.perf_counter()
    net.run(few)
    return np.tile(few, (int(LONG / (time.perf_counter() - start)) + 1, 1, 1, 1))


@contextmanager
def signals(handler: Callable[..., None], after: float, every: float = 0.0) -> Iterator[None]:
    """Have signals come while the body runs."""
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def seconds_until_stopped(run: Callable[[], object], after: float = 0.3) -> float:
    def stop(*_: object) -> None:
        raise StopError

    start = time.perf_counter()
    with signals(stop, after), pytest.raises(StopError):
        run()
    return time.perf_counter() - start - after


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_batch_ends(net: Net, batch: np.ndarray, threads: int) -> None:
    own = Net(*net.__reduce__()[1][:2], threads=threads)
    assert min(seconds_until_stopped(lambda: own.run(batch)) for _ in range(TRIES)) < ALLOWED
    assert np.array_equal(own.run(batch[:3]), net.run(batch[:3]))  # whole as before


def test_features_end(net: Net, batch: np.ndarray) -> None:
    assert min(seconds_until_stopped(lambda: net.features(batch, "mean")) for _ in range(TRIES)) < ALLOWED


def test_one_large_image_ends() -> None:
    """Of many calls; a call itself is not cut short."""
    nodes = [
        Conv2D(name=f"conv{i}", inputs=(f"conv{i - 1}" if i else "image",), filters=16, kernel_size=(3, 3),
               padding=(1, 1, 1, 1))
        for i in range(150)
    ]  # fmt: skip
    one = Net(*with_tensors(chain(nodes, (500, 500, 16)), {}), threads=2)
    x = images(one.graph)
    start = time.perf_counter()
    one.run(x)
    took = time.perf_counter() - start
    late = min(seconds_until_stopped(lambda: one.run(x), min(0.1, took / 4)) for _ in range(TRIES))
    assert late < max(ALLOWED, took / 4)


def test_a_handler_that_does_not_raise_changes_nothing(net: Net, batch: np.ndarray) -> None:
    expected = net.run(batch)
    calls = []
    with signals(lambda *_: calls.append(net.run(batch[:2])), 0.05, 0.05):  # and may itself run the network
        found = net.run(batch)
    assert np.array_equal(found, expected)
    assert len(calls) > 3
    assert all(np.array_equal(call, expected[:2]) for call in calls)


def test_other_threads_run_on(net: Net, batch: np.ndarray) -> None:
    """Python's handlers run in the main thread alone, whatever other threads are at."""
    results: list[np.ndarray] = []
    done = threading.Event()

    def other() -> None:
        results.append(net.run(batch))
        done.set()

    def meanwhile() -> None:
        threading.Thread(target=other).start()
        done.wait()

    assert seconds_until_stopped(meanwhile) < 5 * ALLOWED
    assert done.wait(120)
    assert np.array_equal(results[0], net.run(batch))


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c(threads: int) -> None:
    code = f"""
        import sys, time
        import numpy as np
        from tests.engine.kernels.test_interrupted_runs import Net, images, network
        net = Net(*network().__reduce__()[1][:2], threads={threads})
        batch = np.tile(images(net.graph, 8), (600, 1, 1, 1))
        print("ready", flush=True)
        try:
            net.run(batch)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """

    def once() -> float:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.3)
            start = time.perf_counter()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            return time.perf_counter() - start

    assert min(once() for _ in range(TRIES)) < ALLOWED
