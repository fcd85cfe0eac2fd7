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

ALLOWED = 0.2  # seconds from the signal to the end of the run, of each thread's work: other programs' does not count
LONG = 2.0  # seconds that a whole run takes at least
TRIES = 3  # of which the fastest counts


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
    start = time.process_time()
    net.run(few)
    return np.tile(few, (int(net.threads * LONG / (time.process_time() - start)) + 1, 1, 1, 1))


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


def work_until_stopped(run: Callable[[], object], after: float = 0.3) -> float:
    """Give the processor time, in seconds, that this process takes from a signal to the end of a run."""
    main, sent = threading.get_ident(), []

    def send() -> None:
        time.sleep(after)
        sent.append(time.process_time())
        signal.pthread_kill(main, signal.SIGALRM)

    def stop(*_: object) -> None:
        raise StopError

    before = signal.signal(signal.SIGALRM, stop)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(StopError):
            run()
        return time.process_time() - sent[0]
    finally:
        sender.join()
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_batch_ends(net: Net, batch: np.ndarray, threads: int) -> None:
    own = Net(*net.__reduce__()[1][:2], threads=threads)
    assert min(work_until_stopped(lambda: own.run(batch)) for _ in range(TRIES)) < threads * ALLOWED
    assert np.array_equal(own.run(batch[:3]), net.run(batch[:3]))  # whole as before


def test_features_end(net: Net, batch: np.ndarray) -> None:
    assert min(work_until_stopped(lambda: net.features(batch, "mean")) for _ in range(TRIES)) < net.threads * ALLOWED


def test_one_large_image_ends() -> None:
    """Of many calls."""
    nodes = [
        Conv2D(name=f"conv{i}", inputs=(f"conv{i - 1}" if i else "image",), filters=16, kernel_size=(3, 3),
               padding=(1, 1, 1, 1))
        for i in range(150)
    ]  # fmt: skip
    one = Net(*with_tensors(chain(nodes, (500, 500, 16)), {}), threads=2, max_bytes=2**33)
    x = images(one.graph)
    start = time.process_time()
    one.run(x)
    took = time.process_time() - start
    late = min(work_until_stopped(lambda: one.run(x), after=min(0.1, took / 8)) for _ in range(TRIES))
    assert late < max(2 * ALLOWED, took / 4)


@pytest.mark.parametrize("threads", [1, 2])
def test_one_large_call_ends(threads: int) -> None:
    """As a kernel as large as the image has, which a file of its size may ask for."""
    node = Conv2D(name="conv", inputs=("image",), filters=1, kernel_size=(250, 250))
    one = Net(*with_tensors(chain([node], (500, 500, 1)), {}), threads=threads)
    x = images(one.graph)
    late = min(work_until_stopped(lambda: one.run(x), after=0.1) for _ in range(TRIES))
    assert late < threads * ALLOWED
    few = np.ascontiguousarray(x[:, :251, :252])  # whole as before, whatever parts it is worked on in
    small = Net(*with_tensors(chain([node], (251, 252, 1)), {}), threads=threads)
    assert np.array_equal(one.run(x)[:, :2, :3], small.run(few))


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
        done.wait(600)

    work_until_stopped(meanwhile)
    assert not done.is_set()
    assert done.wait(600)
    assert np.array_equal(results[0], net.run(batch))


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c(threads: int) -> None:
    """Python's own handler, in a program of its own; a shell lets its programs in the background ignore the signal."""
    code = f"""
        import os, signal, sys, threading, time
        import numpy as np
        from tests.engine.kernels.test_interrupted_runs import Net, images, network
        signal.signal(signal.SIGINT, signal.default_int_handler)
        net = Net(*network().__reduce__()[1][:2], threads={threads})
        batch = np.tile(images(net.graph, 8), (600, 1, 1, 1))
        sent = []
        def send():
            time.sleep(0.3)
            sent.append(time.process_time())
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=send).start()
        try:
            net.run(batch)
        except KeyboardInterrupt:
            print(time.process_time() - sent[0])
    """

    def once() -> float:
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return float(subprocess.run(command, cwd=ROOT, timeout=600, capture_output=True, text=True, check=True).stdout)

    assert min(once() for _ in range(TRIES)) < threads * ALLOWED
