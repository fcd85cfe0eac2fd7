"""``python -m benchmarks.roofline [NETWORK...]``: every step of our engine beside the least time it could take.

One core, one thread, every precision that this processor has instructions for. The limits are measured first
(``limits``); a step that multiplies faster raises them. ``steps`` says how the least time is counted, ``reasons`` why
some steps take more than 1.6 times as long; ``--check`` ends with 1 where one does without a reason.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from lcnn_engine import LcnnError, kernel_info

from ..comparison.matchups import groups
from ..networks.images import Images
from ..utils import machine, report
from . import limits as core_limits
from .limits import Limits
from .reasons import UNKNOWN, is_far, reason
from .steps import StepBound, TimedNetwork


def _table(name: str, bounds: Sequence[StepBound]) -> str:
    total, least = sum(one.us for one in bounds), sum(one.bound_us for one in bounds)
    rows = [("step", "operation", "kernel", "us", "share", "bound us", "x bound", "bound by", "why more")]
    for one in bounds:
        times = "" if one.times is None else f"{one.times:.1f}"
        numbers = (f"{one.us:.1f}", f"{one.us / total:.0%}", f"{one.bound_us:.2f}", times)
        rows.append((one.step, one.op, one.kernel, *numbers, one.bound_by, _why(one)))
    rows.append(("total", "", "", f"{total:.1f}", "100%", f"{least:.2f}", f"{total / least:.1f}", "", ""))
    return f"{name}\n{report.table(rows, left=(0, 1, 2, 7, 8))}"


def _why(one: StepBound) -> str:
    return (reason(one) or UNKNOWN) if is_far(one) else ""


def _limits_text(limits: Limits) -> str:
    levels = ", ".join(f"{level} {1e-9 * rate:.0f}" for level, rate in limits.bandwidth.items())
    rates = ", ".join(f"{precision} {2e-9 * rate:.0f}" for precision, rate in limits.multiplications.items())
    return f"this core: GFLOP/s in {rates}; GB/s read from {levels}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__.partition("\n")[0])
    known = list(dict.fromkeys(name for group in groups() for name in group.networks))
    parser.add_argument("networks", nargs="*", default=known, metavar="NETWORK", help="a workload or a model file")
    parser.add_argument("--precisions", nargs="+", metavar="PRECISION", help="default: all that this processor has")
    parser.add_argument("--check", action="store_true", help="end with 1 where a step is far above without a reason")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--core", type=int, help="the core to stay on; default the last one")
    report.add_name(parser, "roofline")
    options = parser.parse_args(arguments)
    try:
        precisions = _checked(options.precisions)
        machine.pin(options.core)
        limits, images = core_limits.measure(), Images()
        timed = [
            TimedNetwork.of(name, images, options.runs, precision)
            for name in options.networks
            for precision in precisions
        ]
    except (LcnnError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rates = dict(limits.multiplications)
    for one in timed:  # what a step does can be done
        rates = {precision: max(rate, one.max_rates.get(precision, 0.0)) for precision, rate in rates.items()}
    limits = replace(limits, multiplications=rates)
    found = {one.title: one.bounds(limits) for one in timed}
    whole = options.networks == known and options.precisions is None
    _report(limits, found, report.chosen_name(options.name, "roofline", whole))
    unknown = [one for bounds in found.values() for one in bounds if _why(one) == UNKNOWN]
    return 1 if options.check and unknown else 0


def _checked(precisions: Sequence[str] | None) -> list[str]:
    """Choose the precisions to measure. Raises ValueError for those that this processor has no instructions for."""
    native = kernel_info()["precisions"]
    for precision in precisions or ():
        if precision not in native:
            raise ValueError(f"expected precisions among {', '.join(native)}, got {precision!r}")
    return list(precisions or native)


def _report(limits: Limits, found: dict[str, list[StepBound]], name: str) -> None:
    facts = machine.describe()
    tables = [_table(network, bounds) for network, bounds in found.items()]
    text = "\n\n".join([_limits_text(limits), *tables, machine.heading(facts)])
    print(text)
    sizes = {level: size for level, size in limits.sizes.items() if size != float("inf")}
    numbers = {
        "machine": facts,
        "limits": {**asdict(limits), "sizes": sizes},
        "networks": {name: [_as_json(one) for one in own] for name, own in found.items()},
    }
    report.write(name, text, numbers)


def _as_json(one: StepBound) -> dict[str, Any]:
    return {**asdict(one), "kind": one.kind.value, "times": one.times, "why": _why(one)}


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
