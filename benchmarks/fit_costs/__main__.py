"""``python -m benchmarks.fit_costs``: fit the engine's model of time to this processor, and write it down.

Measures some thousand steps of small networks on one core, in under five minutes for all variants; solves for the
constants of every kernel; says how far off they are on the layers that were held out; and puts them into the engine's
table of machines, in the place of those of the same variant and cache. ``--networks`` then predicts and measures whole
networks. A busy machine does no harm but to what it makes slower for all of the time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcnn_engine.kernels import LAYOUTS, usable_variants, variants
from lcnn_engine.plan.times.machines import TABLE, Times, read_table, second_level_cache

from ..networks.workloads import WORKLOADS
from ..utils import machine
from .checking import checked
from .layers import PRECISIONS, layers
from .measuring import Caches, measured
from .solving import Errors, Fitted, errors, fit

DEFAULT_NEAR, DEFAULT_SHARED = 2**20, 2**25
SEED = 1


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_costs", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--variants", type=lambda text: text.split(","), metavar="NAME,...", default=usable_variants(),
        help="kernels to fit; default all that run here",
    )  # fmt: skip
    parser.add_argument("--name", help="what to call this machine; default the processor's own name")
    parser.add_argument("--near", type=int, default=second_level_cache() or DEFAULT_NEAR, metavar="BYTES",
                        help="of the second-level cache; default what the system says")  # fmt: skip
    parser.add_argument("--shared", type=int, default=DEFAULT_SHARED, metavar="BYTES",
                        help="of the shared cache, which virtual machines do not tell; default 32 MiB")  # fmt: skip
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of layers; default 1")
    parser.add_argument("--table", type=Path, default=TABLE, help="the table to write to; default the engine's own")
    parser.add_argument("--check-only", action="store_true", help="fit nothing, and predict with what the table has")
    parser.add_argument(
        "--networks", type=lambda text: text.split(","), metavar="NAME,...", default=[],
        help="workloads to predict and measure then, or all",
    )  # fmt: skip
    parser.add_argument("--steps", action="store_true", help="print every step of these, too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, write; 2 where a name is none."""
    options = _arguments(arguments)
    unknown = [name for name in options.variants if name not in usable_variants()]
    networks = list(WORKLOADS) if options.networks == ["all"] else options.networks
    unknown += [name for name in networks if name not in WORKLOADS]
    if unknown:
        print(f"error: expected {', '.join([*usable_variants(), *WORKLOADS])}, got {unknown[0]}", file=sys.stderr)
        return 2
    machine.pin()
    if not options.check_only:
        facts = machine.describe()
        for variant in options.variants:
            _write(options.table, _fitted(variant, options, options.name or facts["processor"]))
    if networks:
        _check(options, networks)
    return 0


def _fitted(variant: str, options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Fit one variant, and say how well."""
    begin = time.perf_counter()
    caches = Caches(options.near, options.shared)
    steps = measured(layers(SEED, options.share), variant, caches)
    missing = set(LAYOUTS) - {step.kernel for step in steps}
    if missing:
        raise RuntimeError(f"expected steps of every kernel, got none of {', '.join(sorted(missing))}")
    held_out = [step for step in steps if step.held_out]
    found = errors(fit([step for step in steps if not step.held_out]), held_out)
    everything = fit(steps)
    print(f"{variant}: {len(steps)} steps in {time.perf_counter() - begin:.0f} s")
    print(_report(found))
    return _entry(name, variant, caches, everything, found)


def _report(found: Mapping[str, Errors]) -> str:
    lines = [f"  {'kernel':20} held out  median off  90th percentile"]
    lines += [
        f"  {kernel:20} {one.steps:8}  {one.median:10.1%}  {one.most:15.1%}" for kernel, one in sorted(found.items())
    ]
    return "\n".join(lines)


def _entry(name: str, variant: str, caches: Caches, fitted: Fitted, found: Mapping[str, Errors]) -> dict[str, Any]:
    kernels = {kernel: {key: value for key, value in each.items() if value} for kernel, each in fitted.kernels.items()}
    return {
        "name": name,
        "variant": variant,
        "near": caches.near,
        "shared": caches.shared,
        "kernels": kernels,
        "activations": {key: value for key, value in fitted.activations.items() if value},
        "median_off": {kernel: round(one.median, 3) for kernel, one in sorted(found.items())},
    }


def _write(path: Path, entry: dict[str, Any]) -> None:
    """Put a class into the table, in the place of one of its variant and cache; the variants in the order of speed."""
    classes = read_table(path) if path.exists() else []
    kept = [one for one in classes if (one["variant"], one["near"]) != (entry["variant"], entry["near"])]
    classes = sorted([*kept, entry], key=lambda one: (_place(one["variant"]), one["near"]))
    path.write_text(json.dumps({"classes": classes}, indent=1) + "\n")


def _place(variant: str) -> int:
    """Give the place of a variant: those of other machines come first, and then those of this one, fastest first."""
    order = [name for name, _ in variants()]
    return order.index(variant) if variant in order else -1


def _check(options: argparse.Namespace, networks: Sequence[str]) -> None:
    """Predict and measure ``networks``."""
    entries = {one["variant"]: one for one in read_table(options.table)}
    variant = options.variants[0]
    times = Times(**{name: entries[variant][name] for name in Times._fields})
    for one in checked(networks, PRECISIONS, variant, times):
        print(f"{one.name:28} {one.precision:9} {one.predicted:8.3f} ms, measured {one.measured:8.3f}  {one.off:+.1%}")
        for step, predicted, found in one.steps if options.steps else ():
            print(f"    {step:60} {predicted:9.1f} us, measured {found:9.1f}  {predicted / found - 1:+.0%}")


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
