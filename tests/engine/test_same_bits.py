"""The same bits for one image, whatever the batch, the threads, the caller and the BLAS settings of the host."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lcnn_engine import Net
from lcnn_engine.kernels import usable_variants
from lcnn_engine.model.graph import Add, Conv2D, Dense, Flatten, LookupConv2D, MaxPool2D, Multiply, Softmax
from lcnn_engine.plan import Plan
from tests.helpers.networks import chain, images, with_tensors


@pytest.fixture(scope="module")
def wide():
    """A network whose steps are large enough to be shared by threads and to tempt OpenBLAS into threads of its own."""
    nodes = [
        LookupConv2D(name="conv1", inputs=("image",), filters=64, kernel_size=(5, 5), strides=(2, 2),
                     padding=(2, 2, 2, 2), activation="silu"),
        LookupConv2D(name="conv2", inputs=("conv1",), filters=96, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        Conv2D(name="conv3", inputs=("conv2",), filters=96, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        Add(name="sum", inputs=("conv3", "conv2"), activation="hard_silu"),
        Multiply(name="product", inputs=("sum", "conv2"), activation="hard_sigmoid"),
        MaxPool2D(name="pool", inputs=("product",), pool_size=(3, 3), strides=(2, 2)),
        Flatten(name="flat", inputs=("pool",)),
        Dense(name="fc1", inputs=("flat",), units=200, activation="tanh"),
        Dense(name="fc2", inputs=("fc1",), units=30),
        Softmax(name="probabilities", inputs=("fc2",)),
    ]  # fmt: skip
    return with_tensors(chain(nodes, (61, 47, 3)), {"conv1": 6, "conv2": 130})


def run(graph, tensors, x, threads, variant=None):
    plan = Plan(graph, tensors, outputs=["sum", "probabilities"], variant=variant)
    outputs = [np.empty((len(x), *shape), np.float32) for shape in plan.output_shapes]
    assert plan.run(x, outputs, threads)
    return outputs


@pytest.mark.parametrize("variant", usable_variants())
def test_batch_and_threads(wide, variant):
    x = images(wide[0], 5)
    alone = [run(*wide, x[i : i + 1], 1, variant) for i in range(5)]
    for threads in (1, 2, 3, 8):
        for found, single in zip(run(*wide, x, threads, variant), zip(*alone, strict=True), strict=True):
            assert np.array_equal(found, np.concatenate(single))
        for found, expected in zip(run(*wide, x[:1], threads, variant), alone[0], strict=True):
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_settings_of_the_hosts_blas(wide, limit):
    x = images(wide[0])
    expected = run(*wide, x, 1)
    with threadpool_limits(limit, user_api="blas"):
        for found, wanted in zip(run(*wide, x, 2), expected, strict=True):
            assert np.array_equal(found, wanted)


def test_settings_of_the_hosts_blas_are_kept(wide):
    from threadpoolctl import threadpool_info

    with threadpool_limits(2, user_api="blas"):
        before = threadpool_info()
        run(*wide, images(wide[0]), 2)
        assert threadpool_info() == before


def test_eight_threads_on_one_net(wide):
    net = Net(*wide, threads=2)
    x = images(wide[0], 8)
    expected = [net.run(image) for image in x]
    start = threading.Barrier(8)

    def many(i):
        start.wait()
        return all(np.array_equal(net.run(x[(i + j) % 8]), expected[(i + j) % 8]) for j in range(25))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(many, range(8)))


def _predict_in_child(net, x, queue):
    queue.put(net.run(x))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_predicts_too(wide):
    """The workers of the pool do not exist in the child; it starts its own."""
    net = Net(*wide, threads=2)
    x = images(wide[0])[0]
    expected = net.run(x)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_predict_in_child, args=(net, x, queue))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert np.array_equal(queue.get(), expected)


def test_the_gil_is_released(wide):
    """Python goes on while the network runs: a thread that only counts gets most of a core."""
    net = Net(*wide, threads=1)
    x = images(wide[0], 200)
    counted, done = 0, threading.Event()

    def predict():
        net.run(x)
        done.set()

    worker = threading.Thread(target=predict)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)  # nobody is made to give way: only a released GIL lets both go on
    try:
        worker.start()
        while not done.is_set():
            counted += 1
        worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert counted > 1000
