"""``python -m benchmarks.batch FOLDER``: ``lcnn batch`` on many photographs, beside a loop on every core.

FOLDER holds photographs of yours, of at least 500 pixels; they are taken again and again until there are ``--images``.
The loop is one bare process for each core, kept to it, that decodes its share of the images, ``net.run``s each and goes
on to the next: what these cores can do. Rounds are interleaved. ``lcnn batch`` by itself is compared as a whole
program, start and end included, with the loop as a whole program; on Ray from the first image to the last, its start
beside it, with the loop from its first to its last. With ``--check`` ends with 1 where one is below its share.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lcnn_engine.images.image_names import image_names

from .utils.machine import allowed, describe, heading, start_clean
from .utils.report import add_name, chosen_name, table, write

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "weights/mnist-alexnet-lcnn-fast.safetensors"
IMAGES_OF_ALL = 5_000
SHARES = {"local": 0.9, "ray": 0.8}  # of the loop's speed

LOOP = """
import sys, time
from pathlib import Path
from lcnn_engine import Net
from lcnn_engine.images.preprocessing import to_input
model, folder, part, parts = sys.argv[1:]
net = Net.load(model, threads=1)
paths = sorted(str(path) for path in Path(folder).iterdir())[int(part)::int(parts)]
start = time.perf_counter()
for path in paths:
    net.run(to_input(path, net.graph.preprocessing, net.input_shape))
print(time.perf_counter() - start)
"""


def linked(source: Path, folder: Path, count: int) -> str:
    """Fill ``folder`` with links to ``count`` images, those of ``source`` again and again; say what these are.

    Raises FileNotFoundError for a folder without images.
    """
    files = [Path(name).resolve() for name, error in image_names([str(source)]) if error is None]
    if not files:
        raise FileNotFoundError(f"{source}: expected a folder with photographs, found none")
    for number in range(count):
        path = files[number % len(files)]
        (folder / f"{number:06}{path.suffix}").symlink_to(path)
    sizes = []
    for path in files[:: max(1, len(files) // 200)]:
        with Image.open(path) as image:
            sizes.append(image.size)
    width, height = np.median(np.array(sizes), axis=0)
    return (
        f"{count:,} images, links to {min(count, len(files)):,} photographs, {width:.0f} x {height:.0f} in the median"
    )


def looped(model: Path, folder: Path, cores: Sequence[int]) -> dict[str, float]:
    """Run the loop, a process for each core; give the seconds of the whole, and from the first image to the last."""
    start = time.perf_counter()
    processes = []
    for part, core in enumerate(cores):
        command = [sys.executable, "-c", LOOP, str(model), str(folder), str(part), str(len(cores))]
        processes.append(_started(command, {core}))
    seconds = [float(process.communicate()[0]) for process in processes]
    return {"whole": time.perf_counter() - start, "inner": max(seconds)}


def batched(model: Path, folder: Path, cores: Sequence[int], engine: str, count: int) -> dict[str, float]:
    """Run ``lcnn batch``; give the seconds of the whole, its start, and those from the first image to the last.

    Raises RuntimeError where an image has no row without an error.
    """
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable, "-m", "lcnn_engine", "batch", str(model), str(folder), "--out", f"{place}/rows.jsonl",
            "--json", "--engine", engine, "--threads", str(len(cores)),
        ]  # fmt: skip
        start = time.perf_counter()
        said = _started(command, set(cores)).communicate()[0]
        whole = time.perf_counter() - start
        summary: dict[str, Any] = json.loads(said)
        if summary["rows"] != count or summary["failed"]:
            raise RuntimeError(f"expected {count} rows without an error, got {summary}")
    return {"whole": whole, "startup": summary["startup"], "inner": count / summary["per_second"]}


def _started(command: Sequence[str], cores: set[int]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def measured(
    model: Path, source: Path, count: int, engines: Sequence[str], rounds: int
) -> tuple[str, dict[str, list[dict[str, float]]]]:
    """Give what the images are, and of every program the seconds of each round."""
    cores = sorted(allowed())
    results: dict[str, list[dict[str, float]]] = {name: [] for name in ("loop", *engines)}
    with tempfile.TemporaryDirectory() as folder:
        what = linked(source, Path(folder), count)
        for number in range(rounds):
            names = list(results)
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                found = (
                    looped(model, Path(folder), cores)
                    if name == "loop"
                    else batched(model, Path(folder), cores, name, count)
                )
                results[name].append(found)
    return what, results


def ratios(results: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """Give the speed of every engine as a share of the loop's: the median of the rounds' own ratios."""
    found = {}
    for engine in results.keys() - {"loop"}:
        kind = "whole" if engine == "local" else "inner"
        pairs = zip(results["loop"], results[engine], strict=True)
        found[engine] = float(np.median([loop[kind] / ours[kind] for loop, ours in pairs]))
    return found


def rows_of(results: dict[str, list[dict[str, float]]], count: int) -> list[list[str]]:
    """Tabulate medians of the rounds."""
    shares = ratios(results)
    rows = [["", "whole s", "start s", "first to last s", "images/s", "of the loop", "must be"]]
    for name, rounds in results.items():
        whole, startup, inner = (
            float(np.median([found.get(key, 0.0) for found in rounds])) for key in ("whole", "startup", "inner")
        )
        start = f"{startup:.2f}" if startup else ""
        share = f"{shares[name]:.3f}" if name in shares else ""
        must = f"{SHARES[name]:.2f}" if name in SHARES else ""
        rows.append([name, f"{whole:.2f}", start, f"{inner:.2f}", f"{count / inner:,.0f}", share, must])
    return rows


def main() -> int:
    """Measure, print and write a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="photographs")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--images", type=int, metavar="N", default=IMAGES_OF_ALL)
    parser.add_argument("--engines", nargs="+", choices=tuple(SHARES), default=list(SHARES))
    parser.add_argument("--rounds", type=int, metavar="N", default=5)
    parser.add_argument("--check", action="store_true", help="end with 1 where an engine is below its share")
    add_name(parser, "batch")
    options = parser.parse_args()
    start_clean()
    what, results = measured(options.model, options.folder, options.images, options.engines, options.rounds)
    facts = describe()
    text = f"{heading(facts)}\n\n{what}, {options.model.name}\n\n{table(rows_of(results, options.images))}\n"
    print(text)
    whole = options.images >= IMAGES_OF_ALL and set(options.engines) == set(SHARES)
    shares = ratios(results)
    write(
        chosen_name(options.name, "batch", whole),
        text,
        {"machine": facts, "images": what, "rounds": results, "ratios": shares},
    )
    return int(options.check and any(shares[engine] < SHARES[engine] for engine in shares))


if __name__ == "__main__":
    sys.exit(main())
