"""Classify pictures in worker processes that share one copy of the weights: load first, then fork.

python examples/prefork.py MODEL PICTURE...
"""

import gc
import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lcnn_engine import Net, kernel_info


def own_mebibytes() -> float:
    """Memory that this process shares with no other."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())  # at once, or lines of two processes would be mixed


def work(net: Net, pictures: Sequence[str]) -> None:
    for picture in pictures:
        label, probability = net.classify(picture, top=1)[0]
        say(f"{picture}: {label} {probability:.2f}")
    say(f"process {os.getpid()}: {len(pictures)} pictures, {own_mebibytes():.0f} MiB of its own")


def main(model: str, *pictures: str) -> int:
    net = Net.load(model, threads=1)
    net.predict(pictures[0])  # what a first picture imports is imported once, too
    gc.freeze()  # the collector would write to the pages of all objects, and so copy them
    fork, count = multiprocessing.get_context("fork"), kernel_info()["threads"]
    workers = [fork.Process(target=work, args=(net, pictures[i::count])) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return max(abs(worker.exitcode or 0) for worker in workers)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
