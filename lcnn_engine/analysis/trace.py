"""A profile as trace events, the JSON of the timelines of Chrome and Perfetto: a track is a thread, times are in us."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from ..utils.files import replacing
from .timings import ProfileStep, Timings

__all__ = ["write_trace"]

OURS, DENSE = 1, 2  # tracks


def write_trace(profile: Timings, path: str | os.PathLike[str]) -> None:
    """Write ``profile`` as one complete event a step. Raises OSError.

    An event ends at least a nanosecond before the next begins: Perfetto, which cuts times down to nanoseconds, drops
    an event that overlaps another.
    """
    text = json.dumps({"traceEvents": list(_events(profile)), "displayTimeUnit": "ns"}, indent=0)
    with replacing(path) as stream:
        stream.write(text.encode("utf-8"))


def _events(profile: Timings) -> Iterator[dict[str, Any]]:
    yield _named("process_name", profile.model, OURS)
    yield from _track(profile.steps, "this network", OURS)
    if profile.dense is not None:
        yield from _track(profile.dense, "its dense equivalent", DENSE)


def _track(steps: Sequence[ProfileStep], name: str, track: int) -> Iterator[dict[str, Any]]:
    yield _named("thread_name", name, track)
    ends = [round(1e9 * end) for end in accumulate((step.seconds for step in steps), initial=0.0)]
    for step, start, end in zip(steps, ends, ends[1:], strict=False):
        yield {
            "ph": "X",
            "name": f"{step.name}: {step.op}",
            "cat": step.op,
            "pid": 1,
            "tid": track,
            "ts": start / 1000,
            "dur": max(end - start - 1, 0) / 1000,
            "args": {
                "kernel": step.kernel,
                "multiplications": step.multiplications,
                "GFLOP/s": round(step.rate, 2),
            },
        }


def _named(what: str, name: str, track: int) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": 1, "tid": track, "args": {"name": name}}
