"""``lcnn bench``: how long loading and predicting take."""

from __future__ import annotations

import argparse
import json
from time import perf_counter_ns
from typing import Any

import numpy as np

from ..errors import InputError
from ..images.inputs import inputs
from ..model.graph import MAX_BYTES, elements
from ..net import Net
from ..runtime.info import kernel_info
from ..utils.text import counted, note, printable
from .loading import load

NOTE_EVERY = 500_000_000  # nanoseconds between two notes of progress


def run(options: argparse.Namespace) -> int:
    """Print the time of loading, of the first prediction, and of many."""
    start = perf_counter_ns()
    net = load(options, options.threads)
    loading = perf_counter_ns() - start
    _check_batch(net, options.batch)
    image = inputs(net.graph, [options.image] if options.image else [])[0]
    batch = np.ascontiguousarray(np.broadcast_to(image, (options.batch, *image.shape)))
    out = np.empty((options.batch, *net.output_shape), np.float32)
    first, *_ = _times(net, batch, out, 1, "first")
    _times(net, batch, out, options.warmup, "warming up")
    times = _times(net, batch, out, options.runs, "timing")
    facts = _facts(net, options, loading, first, np.array(times))
    print(json.dumps(facts, indent=1) if options.json else _report(facts))
    return 0


def _check_batch(net: Net, batch: int) -> None:
    """Refuse a batch whose memory the system may promise, and end the process for when it is used."""
    each = 4 * (elements(net.input_shape) + elements(net.output_shape))
    if batch * each > MAX_BYTES:
        most = f"at most {MAX_BYTES // each:,} images, which take {MAX_BYTES} bytes"
        raise InputError(f"expected a batch of {most}, got {batch:,}")


def _times(net: Net, batch: np.ndarray, out: np.ndarray, count: int, what: str) -> list[int]:
    """Measure the nanoseconds of each of ``count`` predictions."""
    times = []
    noted = perf_counter_ns()
    for number in range(count):
        start = perf_counter_ns()
        net.run(batch, out=out)
        stop = perf_counter_ns()
        times.append(stop - start)
        if stop - noted > NOTE_EVERY:
            note(f"{what}: {number + 1:,} of {count:,}")
            noted = stop
    note("")
    return times


def _facts(net: Net, options: argparse.Namespace, load: int, first: int, times: np.ndarray) -> dict[str, Any]:
    info = kernel_info()
    median, p90, p99 = (float(value) / 1e9 for value in np.percentile(times, [50, 90, 99]))
    return {
        "name": net.name,
        "input": "seeded noise" if options.image is None else options.image,
        "isa": info["isa"],
        "precision": net.precision,
        "blas": info["blas"],
        "blas_core": info["blas_core"],
        "threads": net.threads,
        "batch": options.batch,
        "warmup": options.warmup,
        "runs": options.runs,
        "seconds": {
            "load": load / 1e9,
            "first": first / 1e9,
            "median": median,
            "p90": p90,
            "p99": p99,
            "best": float(times.min()) / 1e9,
        },
        "images_per_second": options.batch / median,
    }


def _report(facts: dict[str, Any]) -> str:
    batch = "" if facts["batch"] == 1 else f", batches of {facts['batch']:,}"
    kernels = facts["isa"] + (f" in {facts['precision']}" if facts["precision"] != "float32" else "")
    machine = f"{kernels}, {facts['blas']} BLAS for {facts['blas_core']}, {counted(facts['threads'], 'thread')}"
    lines = [f"{printable(facts['name'])} on {printable(facts['input'])}{batch}: {machine}"]
    lines += [f"{name:10} {1e3 * seconds:12.3f} ms" for name, seconds in facts["seconds"].items()]
    lines.append(f"{'images/s':10} {facts['images_per_second']:12,.1f}")
    return "\n".join([*lines, f"({counted(facts['runs'], 'run')} after {facts['warmup']:,} to warm up)"])
