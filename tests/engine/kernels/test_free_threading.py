"""Several threads at once in the compiled module, which does not lean on the GIL and says so."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import numpy as np
import pytest

from lcnn_engine import Net
from lcnn_engine.kernels import ConstantMemory
from tests.helpers.networks import small_classifier

THREADS = 8


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter has a GIL")
def test_the_gil_stays_off() -> None:
    code = "import sys, lcnn_engine; print(sys._is_gil_enabled())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_constants_of_several_threads_lie_apart() -> None:
    memory, start = ConstantMemory(), Barrier(THREADS)

    def take(thread: int) -> list[np.ndarray]:
        start.wait()
        arrays = [memory.zeros((3 + (thread + i) % 40,)) for i in range(300)]
        for array in arrays:
            array[...] = thread
        return arrays

    with ThreadPoolExecutor(THREADS) as pool:
        taken = list(pool.map(take, range(THREADS)))
    assert all((array == thread).all() for thread, arrays in enumerate(taken) for array in arrays)
    places = sorted((array.ctypes.data, array.nbytes) for arrays in taken for array in arrays)
    assert all(place + size <= after for (place, size), (after, _) in pairwise(places))


def test_runs_of_several_threads_have_memory_of_their_own() -> None:
    net, start = Net(*small_classifier(), threads=1), Barrier(THREADS)
    images = np.random.default_rng(5).standard_normal((THREADS, *net.input_shape)).astype(np.float32)
    alone = [net.run(image) for image in images]

    def run(thread: int) -> bool:
        start.wait()
        return all(np.array_equal(net.run(images[thread]), alone[thread]) for _ in range(200))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(run, range(THREADS)))
