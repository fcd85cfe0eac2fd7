"""``python -m benchmarks.compare``: this engine beside ONNX Runtime, OpenVINO, LiteRT and TensorFlow, in one run.

Each engine runs in a process of its own, kept to the same cores, and they take turns; see README.md beside this file.
``--check`` holds what was measured against every figure in ``comparison/targets.py``; with ``--runs 5`` everything is
measured five times, and each figure must be reached in four of them. It ends with 0 only if all are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lcnn_engine import InputError, LcnnError
from lcnn_engine.runtime.threads import checked_threads

from .comparison import runs, tables
from .comparison.engines import ENGINES
from .comparison.harness import Harness, say
from .comparison.matchups import BASELINES, OURS, Entry, Group, Matchup, groups, matchups, model_group
from .comparison.measuring import Measurements, ratio
from .comparison.targets import (
    ACCURATE,
    CALL_COST,
    CALLED,
    DENSE,
    FAST,
    NORMALISING,
    all_thresholds,
    busy,
)
from .comparison.thresholds import Results, Threshold, judge, values_of
from .comparison.worker_process import cores
from .networks.images import Images
from .networks.model_files import model_file, network, stored_types
from .plots import draw
from .utils import machine, report

BATCHES = [1, 32]
MOST_RUNS = 100
SCALAR = "lcnn-scalar"


def measure(harness: Harness, chosen: Sequence[Group], options: argparse.Namespace) -> tuple[list[Matchup], Results]:
    """Measure all that was asked for."""
    results = Results()
    engines = options.engines
    listed = []
    for matchup in matchups(chosen, options.batch, options.threads):
        running = tuple(entry for entry in matchup.entries if entry.engine in engines)
        if running:
            listed.append(replace(matchup, entries=running))
            results.matchups[matchup.name] = harness.matchup(listed[-1])
    lookups = [network for group in chosen for network in group.lookup]
    if SCALAR in engines and lookups:
        results.matchups[SCALAR] = harness.results_of(SCALAR, lookups)
    names, pairs = {group.name for group in chosen}, max(options.threads) > 1
    if "alexnet" in names:
        started = [FAST, *(Entry(engine, DENSE) for engine in BASELINES)]
        results.starts = harness.starts([entry for entry in started if entry.engine in engines])
        if pairs:
            both = [FAST, ACCURATE, Entry("onnxruntime", DENSE)]
            results.calls = harness.calls([entry for entry in both if entry.engine in engines])
    if OURS in engines:
        _surroundings(harness, names, pairs, results)
        results.guarantees = harness.guarantees([network for group in chosen for network in group.scaled])
    return listed, results


def _surroundings(harness: Harness, names: set[str], pairs: bool, results: Results) -> None:
    if "cnn28" in names:
        results.figures[CALL_COST] = harness.call_cost(CALLED)
    if "alexnet" in names:
        results.figures[NORMALISING] = harness.normalising()
        for entry in (FAST, ACCURATE) if pairs else ():
            results.figures[busy(entry)] = harness.beside_busy_core(entry)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = ", ".join(group.name for group in groups())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORKS", help=f"{names}, or a model file; default: all")
    parser.add_argument(
        "--check", action="store_true", help="hold everything against the thresholds; end with 1 if one is missed"
    )
    parser.add_argument(
        "--runs",
        type=int,
        metavar="N",
        help="with --check: so many runs, a file in results/runs each; runs that are there already are not repeated, "
        "unless the code has changed. A threshold must hold in four fifths of them",
    )
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), metavar="ENGINE", help=", ".join(ENGINES))
    parser.add_argument("--batch", nargs="+", type=int, default=BATCHES, metavar="N", help="default: 1 32")
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="N", help="default: 1, and 2 where there are two cores"
    )
    parser.add_argument("--rounds", type=int, default=40, help="at most so many a matchup; default 40")
    parser.add_argument(
        "--seconds",
        type=float,
        default=15,
        help="about so long a matchup, twice that for one image on one thread; default 15",
    )
    parser.add_argument("--image", type=Path, help="what a model file that says how to prepare images is shown")
    report.add_name(parser, "compare")
    return parser.parse_args(arguments)


def _checked(options: argparse.Namespace) -> list[Group]:
    """Choose the groups to measure; fill in the options. Raises LcnnError, ValueError or OSError for what cannot be."""
    for engine in options.engines:
        if engine not in ENGINES:
            raise ValueError(f"expected engines among {', '.join(ENGINES)}, got {engine!r}")
    whole = not options.networks and options.threads is None and options.batch == BATCHES
    options.name = report.chosen_name(options.name, "compare", whole and set(options.engines) == set(ENGINES))
    if options.threads is None:
        options.threads = [1, 2] if len(machine.allowed()) > 1 else [1]
    for threads in options.threads:
        cores(checked_threads(threads))
    if options.runs is not None and not (options.check and 1 <= options.runs <= MOST_RUNS):
        raise ValueError(f"expected runs to be from 1 to {MOST_RUNS}, with --check, got {options.runs}")
    for option in ("rounds", "seconds"):
        if not getattr(options, option) > 0:
            raise ValueError(f"expected {option} to be more than 0, got {getattr(options, option)}")
    for batch in options.batch:
        if not 1 <= batch <= 1024:
            raise ValueError(f"expected batch to be from 1 to 1024, got {batch}")
    known = {group.name: group for group in groups()}
    chosen = [known[name] if name in known else _model(name, known) for name in options.networks or known]
    if options.image and not any(network(group.networks[0])[0].preprocessing for group in chosen):
        raise ValueError(f"expected --image with a network that says how to prepare images, got {options.image} alone")
    return chosen


def _model(name: str, known: dict[str, Group]) -> Group:
    from lcnn_engine import read_model

    if not Path(name).exists():
        raise ValueError(f"expected networks among {', '.join(known)}, or a model file, got {name!r}")
    read_model(name)
    return model_group(Path(name).resolve())


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    try:
        chosen = _checked(options)
        images = Images(options.image)
        inputs = {group.name: images.source(group.networks[0]) for group in chosen}
        for group in chosen:
            images.batch(group.networks[0], 1)  # refuses what is no image before anything is measured
    except (LcnnError, InputError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    thresholds = all_thresholds({group.name: group for group in groups()})

    def run() -> tuple[str, dict[str, Any]]:
        start = time.monotonic()
        listed, results = measure(Harness(images, options.rounds, options.seconds), chosen, options)
        seconds = time.monotonic() - start
        say(f"measured in {seconds:.0f} s")
        text, numbers = _reported(chosen, listed, results, inputs)
        return text, {**numbers, "seconds": seconds, "values": values_of(thresholds, results)}

    if options.runs is None:
        text, numbers = run()
        return _finish(options, thresholds, text, [numbers])
    return _finish(options, thresholds, *_runs(options, run))


def _runs(
    options: argparse.Namespace, run: Callable[[], tuple[str, dict[str, Any]]]
) -> tuple[str, list[dict[str, Any]]]:
    """Make the runs that are not there yet; return the text of the last, and the numbers of all."""
    asked = {key: value for key, value in vars(options).items() if key not in ("runs", "check", "name", "image")}
    settings = {**asked, "image": options.image and str(options.image), "code": runs.code()}
    found = []
    for number in range(1, options.runs + 1):
        numbers = runs.kept(options.name, number, settings)
        say(f"run {number} of {options.runs}{'' if numbers is None else ': is there'}")
        if numbers is None:
            text, measured = run()
            numbers = {"settings": settings, "text": text, **measured}
            report.write(runs.name_of(options.name, number), text, numbers)
        found.append(numbers)
    return found[-1].pop("text"), found


def _rows(matchup: Matchup, found: Measurements) -> list[dict[str, Any]]:
    """List every entry, and how many times as long as each of our networks in float32 it takes."""

    def ratios(entry: Entry) -> dict[str, float | None]:
        return {ours.network: ratio(found, entry, ours) for ours in matchup.about if matchup.compares(entry, ours)}

    return [{**one.as_json(), "ratios": ratios(entry)} for entry, one in found.items()]


def _reported(
    chosen: Sequence[Group], listed: Sequence[Matchup], results: Results, inputs: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    """Return one run as text and as numbers."""
    facts = machine.describe()
    named = dict.fromkeys(network for group in chosen for network in group.networks)
    stored = {network: stored_types(model_file(network, "safetensors")) for network in named}
    text = "\n\n".join([tables.all_tables(listed, results), tables.notes(inputs, stored), machine.heading(facts)])
    numbers = {
        "machine": facts,
        "inputs": inputs,
        "stored": stored,
        "matchups": {matchup.name: _rows(matchup, results.matchups[matchup.name]) for matchup in listed},
        "only_compared": [one.as_json() for one in results.matchups.get(SCALAR, {}).values()],
        "starts": [start.as_json() for start in results.starts.values()],
        "callers": [calls.as_json() for calls in results.calls.values()],
        "figures": {name: found.as_json() for name, found in results.figures.items()},
        "guarantees": results.guarantees,
    }
    return text, numbers


def _finish(
    options: argparse.Namespace, thresholds: Sequence[Threshold], text: str, found: Sequence[dict[str, Any]]
) -> int:
    """Print and write the last run with the verdicts on all of them; return the status to end with."""
    verdicts = judge(thresholds, [numbers["values"] for numbers in found])
    if not options.check:
        verdicts = [verdict for verdict in verdicts if verdict.median is not None]
    whole = "\n\n".join([*([tables.thresholds_table(verdicts)] if verdicts else []), text])
    print(whole)
    left = {key: value for key, value in found[-1].items() if key not in ("settings", "values", "seconds")}
    spent = {"seconds": [numbers["seconds"] for numbers in found]}
    numbers = {**left, **spent, "thresholds": [verdict.as_json() for verdict in verdicts]}
    draw(report.write(options.name, whole, numbers))
    return 1 if options.check and not all(verdict.holds for verdict in verdicts) else 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
