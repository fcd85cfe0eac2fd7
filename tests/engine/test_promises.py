"""What a program may rely on while it runs a network: no allocation, no growth, no threads unasked for, a light start.

That the bits are the same from any number of threads and callers, and that the host's BLAS keeps its settings, is in
``test_same_bits.py``.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import Net
from lcnn_engine.model.graph import Dense, GlobalAvgPool2D, LookupConv2D, MaxPool2D, Softmax
from tests.helpers.networks import chain, images, with_tensors

PROC = Path("/proc/self")
linux = pytest.mark.skipif(not (PROC / "status").exists(), reason="memory is read from /proc")


class HeapInfo(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


@lru_cache(maxsize=1)
def mallinfo2() -> Any:
    """glibc's function, looked up once: a look-up allocates."""
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is None:
        pytest.skip("this C library has no mallinfo2")
    function.restype = HeapInfo
    return function


def heap_in_use() -> int:
    """Bytes that malloc has given out, in its heap and in mappings of their own."""
    info = mallinfo2()()
    return int(info.uordblks + info.hblkhd)


def status_bytes(key: str) -> int:
    """``VmSize`` (all mappings) or ``VmRSS`` (memory in use) of this process."""
    lines = (PROC / "status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def in_new_process(code: str) -> Any:
    """What ``code`` prints, as JSON, run in an interpreter of its own."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def warm(threads: int = 1, batch: int = 1) -> Callable[[], np.ndarray]:
    """``run(x, out=)`` of a network whose image and result take more than a test allows, called a few times."""
    nodes = [
        LookupConv2D(name="conv1", inputs=("image",), filters=32, kernel_size=(5, 5), strides=(2, 2)),
        MaxPool2D(name="pool", inputs=("conv1",), pool_size=(3, 3), strides=(2, 2)),
        LookupConv2D(name="conv2", inputs=("pool",), filters=64, kernel_size=(3, 3), activation="relu"),
        GlobalAvgPool2D(name="features", inputs=("conv2",)),
        Dense(name="fc", inputs=("features",), units=1000),
        Softmax(name="probabilities", inputs=("fc",)),
    ]  # fmt: skip
    graph, tensors = with_tensors(chain(nodes, (64, 64, 3)))
    net = Net(graph, tensors, threads=threads)
    x = images(graph, batch)
    out = np.empty((batch, 1000), np.float32)
    for _ in range(3):
        net.run(x, out=out)
    return lambda: net.run(x, out=out)


@pytest.mark.parametrize(("threads", "batch"), [(1, 1), (2, 1), (2, 4)])
class TestRunAllocatesNothing:
    def test_of_python(self, threads: int, batch: int):
        """Objects for the call itself come and go: a few views, tuples and lists; no array, and nothing is kept."""
        run = warm(threads, batch)
        tracemalloc.start()
        try:
            run()
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            for _ in range(200):
                run()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 512
        assert peak - before < 3000  # a result takes 4,000 bytes, an image 49,152

    def test_of_c(self, threads: int, batch: int):
        run = warm(threads, batch)
        heap_in_use()  # what looking takes, too, is taken once
        heap = heap_in_use()
        for _ in range(300):
            run()
        assert heap_in_use() - heap < 256

    @linux
    def test_of_mappings(self, threads: int, batch: int):
        run = warm(threads, batch)
        size = status_bytes("VmSize")
        for _ in range(300):
            run()
        assert status_bytes("VmSize") == size


@linux
def test_a_thread_takes_its_memory_once():
    """Callers at once need an arena each; later callers, however many threads they are, find those of the first."""
    run = warm()
    heap = heap_in_use()
    run()
    start = threading.Barrier(8)

    def call() -> None:
        start.wait()
        for _ in range(20):
            run()

    def eight() -> None:
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(20):
        eight()
    assert heap_in_use() - heap < 8 * 400_000  # one of this network takes 287,232 bytes; 160 threads had one in turn


@linux
def test_memory_does_not_grow_over_100_000_predictions():
    conv = LookupConv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3), activation="relu")
    graph, tensors = with_tensors(chain([conv], (6, 5, 2)))
    net = Net(graph, tensors, threads=1)
    x = images(graph)[0]
    out = np.empty(net.output_shape, np.float32)

    def predict(times: int) -> None:
        for _ in range(times):
            net.run(x, out=out)
            net.run(x)

    predict(2_000)
    before = status_bytes("VmRSS")
    predict(50_000)
    assert status_bytes("VmRSS") - before < 2**20  # 10 bytes a prediction


@linux
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_more_threads_than_asked_for(model_path: Path, threads: int):
    """OpenBLAS starts its own when NumPy is imported; the engine adds one less than a call may use."""
    before, after = in_new_process(f"""
        import os, json
        import numpy as np
        before = len(os.listdir("/proc/self/task"))
        from lcnn_engine import Net
        net = Net.load({str(model_path)!r}, threads={threads})
        for batch in (1, 8):
            net.run(np.ones((batch, *net.input_shape), np.float32))
        net.profile(np.ones(net.input_shape, np.float32), runs=2, dense=True)
        print(json.dumps([before, len(os.listdir("/proc/self/task"))]))
    """)
    assert after - before == (threads - 1 if len(os.sched_getaffinity(0)) > 1 else 0)


@linux
def test_who_may_use_one_core_works_alone(model_path: Path):
    """Threads that wait for each other on one core would take many times as long."""
    before, after = in_new_process(f"""
        import os, json
        import numpy as np
        from lcnn_engine import Net
        os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
        before = len(os.listdir("/proc/self/task"))
        net = Net.load({str(model_path)!r}, threads=2)
        for batch in (1, 8):
            net.run(np.ones((batch, *net.input_shape), np.float32))
        print(json.dumps([before, len(os.listdir("/proc/self/task"))]))
    """)
    assert after == before


def test_a_start_imports_what_it_uses(model_path: Path):
    """Of a cold start the imports are half: each of these takes milliseconds, or, as SciPy does, hundreds of them."""
    found = in_new_process(f"""
        import sys, json
        import numpy as np
        already = set(sys.modules)
        from lcnn_engine import Net
        net = Net.load({str(model_path)!r}, threads=1)
        net.run(np.ones(net.input_shape, np.float32))
        print(json.dumps(sorted(set(sys.modules) - already)))
    """)
    heavy = {
        "PIL", "scipy", "argparse", "asyncio", "email", "hashlib", "http", "importlib.metadata", "logging", "secrets",
        "numpy.ma", "subprocess", "tempfile", "typing_extensions", "zipfile", "lcnn_engine.analysis.cost",
        "lcnn_engine.analysis.profile",
        "lcnn_engine.model.reference", "lcnn_engine.analysis.summary", "lcnn_engine.interop.dense",
    }  # fmt: skip
    assert not heavy & set(found)
