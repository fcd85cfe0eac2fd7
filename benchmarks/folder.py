"""``python -m benchmarks.folder``: ``lcnn predict`` on a folder of many images, beside a loop that a user would write.

The loop decodes an image, ``net.run``s it and goes on to the next; both are whole programs, on the same cores, and
write a line an image. Times are interleaved rounds; ends with 1 with ``--check`` where ``lcnn predict`` is slower than
0.9 of the loop's speed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .utils.machine import allowed, describe, heading, start_clean
from .utils.report import add_name, chosen_name, table, write
from .utils.timing import interleave

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "weights/mnist-alexnet-lcnn-fast.safetensors"
IMAGES = {"small": ROOT / "tests/data/digits", "photographs": ROOT / "tests/data/pictures"}
IMAGES_OF_ALL = 10_000
SHARE = 0.9  # of the loop's speed that ``lcnn predict`` must have

LOOP = """
import json, sys
from pathlib import Path
from lcnn_engine import Net
from lcnn_engine.images.preprocessing import to_input
model, folder, threads = sys.argv[1:]
net = Net.load(model, threads=int(threads))
for path in sorted(Path(folder).iterdir()):
    result = net.run(to_input(path, net.graph.preprocessing, net.input_shape))
    print(json.dumps({"image": str(path), "class": int(result.argmax())}), flush=True)
"""


def copies(source: Path, folder: Path, count: int) -> None:
    """Fill ``folder`` with ``count`` images, the files of ``source`` again and again."""
    files = sorted(path for path in source.iterdir() if path.suffix in (".png", ".jpg"))
    for number in range(count):
        path = files[number % len(files)]
        shutil.copy(path, folder / f"{number:06}{path.suffix}")


def seconds(command: Sequence[str], cores: set[int], count: int) -> float:
    """Run a program that answers ``count`` images, on ``cores``, and time it. Raises RuntimeError where it does not."""
    start = time.perf_counter()
    lines = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    ).stdout.count(b"\n")
    took = time.perf_counter() - start
    if lines != count:
        raise RuntimeError(f"expected {count} answers, got {lines}")
    return took


def measured(model: Path, source: Path, count: int, threads: int, rounds: int) -> dict[str, float]:
    """Give the images a second of both programs."""
    cores = set(sorted(allowed())[:threads])
    with tempfile.TemporaryDirectory() as folder:
        copies(source, Path(folder), count)
        programs = {
            "lcnn predict": ["-m", "lcnn_engine", "predict", str(model), folder, "--jsonl", "--threads", str(threads)],
            "loop": ["-c", LOOP, str(model), folder, str(threads)],
        }
        contenders = {
            name: lambda command=command: seconds(command, cores, count) for name, command in programs.items()
        }
        return {name: count / sample.median for name, sample in interleave(contenders, rounds).items()}


def main() -> int:
    """Measure, print and write a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folder", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument(
        "--images", type=int, metavar="N", default=IMAGES_OF_ALL, help="small ones; a tenth of photographs"
    )
    parser.add_argument("--rounds", type=int, metavar="N", default=5)
    parser.add_argument("--check", action="store_true", help="end with 1 where lcnn predict is too slow")
    add_name(parser, "folder")
    options = parser.parse_args()
    start_clean()
    rows, results = [["images", "cores", "lcnn predict/s", "loop/s", "ratio"]], []
    for kind, source in IMAGES.items():
        count = max(1, options.images // (1 if kind == "small" else 10))
        for threads in sorted({1, len(allowed())}):
            rates = measured(options.model, source, count, threads, options.rounds)
            ratio = rates["lcnn predict"] / rates["loop"]
            results.append({"images": kind, "count": count, "threads": threads, **rates, "ratio": ratio})
            rates_text = [f"{rate:,.0f}" for rate in rates.values()]
            rows.append([f"{count:,} {kind}", str(threads), *rates_text, f"{ratio:.2f}"])
    facts = describe()
    text = f"{heading(facts)}\n\n{table(rows)}\n"
    print(text)
    write(
        chosen_name(options.name, "folder", options.images >= IMAGES_OF_ALL), text, {"machine": facts, "rows": results}
    )
    return int(options.check and min(row["ratio"] for row in results) < SHARE)


if __name__ == "__main__":
    sys.exit(main())
