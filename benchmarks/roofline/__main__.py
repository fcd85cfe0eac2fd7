"""``python -m benchmarks.roofline [NETWORK...]``: every step of our engine beside the least time it could take.

One core, one thread. The limits are measured first (``limits``); a step that multiplies faster raises them. ``steps``
says how the least time is counted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from lcnn_engine import LcnnError

from ..comparison.matchups import groups
from ..networks.images import Images
from ..utils import machine, report
from . import limits as core_limits
from .limits import Limits
from .steps import StepBound, TimedNetwork


def _table(name: str, bounds: Sequence[StepBound]) -> str:
    total, least = sum(one.us for one in bounds), sum(one.bound_us for one in bounds)
    rows = [("step", "operation", "kernel", "us", "share", "bound us", "x bound", "bound by")]
    for one in bounds:
        times = "" if one.times is None else f"{one.times:.1f}"
        numbers = (f"{one.us:.1f}", f"{one.us / total:.0%}", f"{one.bound_us:.2f}", times)
        rows.append((one.step, one.op, one.kernel, *numbers, one.bound_by))
    rows.append(("total", "", "", f"{total:.1f}", "100%", f"{least:.2f}", f"{total / least:.1f}", ""))
    return f"{name}\n{report.table(rows, left=(0, 1, 2, 7))}"


def _limits_text(limits: Limits) -> str:
    levels = ", ".join(f"{level} {1e-9 * rate:.0f}" for level, rate in limits.bandwidth.items())
    return f"this core: {2e-9 * limits.multiplications:.0f} GFLOP/s; GB/s read from {levels}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__.partition("\n")[0])
    known = [name for group in groups() for name in group.lookup]
    parser.add_argument("networks", nargs="*", default=known, metavar="NETWORK", help="a workload or a model file")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--core", type=int, help="the core to stay on; default the last one")
    report.add_name(parser, "roofline")
    options = parser.parse_args(arguments)
    try:
        machine.pin(options.core)
        limits, images = core_limits.measure(), Images()
        timed = [TimedNetwork.of(name, images, options.runs) for name in options.networks]
    except (LcnnError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    best = max(limits.multiplications, *(one.max_rate for one in timed))  # what a step does can be done
    limits = replace(limits, multiplications=best)
    found = {one.net.name: one.bounds(limits) for one in timed}
    _report(limits, found, report.chosen_name(options.name, "roofline", options.networks == known))
    return 0


def _report(limits: Limits, found: dict[str, list[StepBound]], name: str) -> None:
    facts = machine.describe()
    tables = [_table(network, bounds) for network, bounds in found.items()]
    text = "\n\n".join([_limits_text(limits), *tables, machine.heading(facts)])
    print(text)
    sizes = {level: size for level, size in limits.sizes.items() if size != float("inf")}
    numbers = {
        "machine": facts,
        "limits": {**asdict(limits), "sizes": sizes},
        "networks": {name: [{**asdict(one), "times": one.times} for one in own] for name, own in found.items()},
    }
    report.write(name, text, numbers)


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
