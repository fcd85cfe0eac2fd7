"""``python -m benchmarks.comparison.guarantees PREDICTIONS SMALL NETWORK...``: what holds besides speed.

Measured in a fresh process, and printed as JSON: memory that ``run(x, out=)`` takes and that the process grows by over
so many predictions, both of the network SMALL; and ways of calling that gave other bits than one image at a time on
one thread, of every NETWORK in every precision that this processor has instructions for.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_engine import Net, kernel_info
from lcnn_engine.model.graph import Graph

from ..networks.images import Images
from ..networks.model_files import network

CALLERS = 8
CALLS = 1000


class Mallinfo(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
                     "keepcost")
    )  # fmt: skip


def heap_bytes() -> int:
    """Count the bytes that malloc has given out and not taken back, mapped blocks included."""
    function = ctypes.CDLL(None).mallinfo2
    function.restype = Mallinfo
    info = function()
    return int(info.uordblks + info.hblkhd)


def resident_bytes() -> int:
    """Count the bytes of this process that lie in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def growth(measure: Callable[[], int], work: Callable[[], object]) -> int:
    """Return what ``measure`` says after ``work``, less what it said before."""
    gc.collect()
    before = measure()
    work()
    gc.collect()
    return measure() - before


def allocation(net: Net, x: np.ndarray) -> dict[str, int]:
    """Measure CALLS calls of ``run(x, out=)`` after the first: bytes left of them, and the most held meanwhile."""
    out = np.empty(net.output_shape, np.float32)

    def calls() -> None:
        for _ in range(CALLS):
            net.run(x, out=out)

    calls()
    left = growth(heap_bytes, calls)
    tracemalloc.start()
    net.run(x, out=out)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    calls()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return {"heap_left": max(left, 0), "held_by_a_call": peak}


def same_bits(name: str, images: Images) -> list[str]:
    """List ways to predict 32 images that gave other bits than one image at a time on one thread, in any precision."""
    loaded, batch = network(name), images.batch(name, 32)
    return [
        way if precision == "float32" else f"{way} in {precision}"
        for precision in kernel_info()["precisions"]
        for way in _other_ways(*loaded, batch, precision)
    ]


def _other_ways(graph: Graph, tensors: dict[str, np.ndarray], batch: np.ndarray, precision: str) -> list[str]:
    one, two = (Net(graph, tensors, threads=threads, precision=precision) for threads in (1, 2))
    expected = np.stack([one.run(x) for x in batch])
    found = {
        "batch of 32": one.run(batch),
        "batch of 32 on two threads": two.run(batch),
        "two threads": np.stack([two.run(x) for x in batch[:4]]),
        f"{CALLERS} callers": from_callers(one, batch),
        f"{CALLERS} callers on two threads": from_callers(two, batch),
    }
    return [way for way, result in found.items() if result.tobytes() != expected[: len(result)].tobytes()]


def from_callers(net: Net, batch: np.ndarray) -> np.ndarray:
    """Predict a batch whose images are shared among CALLERS threads, all with the same ``net``."""
    results = np.empty((len(batch), *net.output_shape), np.float32)

    def call(first: int) -> None:
        for number in range(first, len(batch), CALLERS):
            net.run(batch[number], out=results[number])

    threads = [threading.Thread(target=call, args=(first,)) for first in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def growth_over_predictions(net: Net, x: np.ndarray, count: int) -> int:
    """Measure the bytes that the process grows by over ``count`` predictions."""
    out = np.empty(net.output_shape, np.float32)

    def predict(times: int) -> None:
        for _ in range(times):
            net.run(x, out=out)

    predict(CALLS)
    return growth(resident_bytes, lambda: predict(count))


def measure(predictions: int, small: str, names: list[str], images: Images) -> dict[str, Any]:
    """Measure everything, the memory on the network ``small``."""
    nets = [Net(*network(small), threads=threads) for threads in (1, 2)]
    x = images.batch(small, 1)[0]
    taken = [allocation(net, x) for net in nets]
    return {
        "heap_left": max(each["heap_left"] for each in taken),
        "held_by_a_call": max(each["held_by_a_call"] for each in taken),
        "growth": growth_over_predictions(nets[0], x, predictions),
        "predictions": predictions,
        "other_bits": {name: same_bits(name, images) for name in names},
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2], sys.argv[3:], Images())))
