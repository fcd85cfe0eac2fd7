"""``python -m benchmarks.comparison.first_prediction ENGINE MODEL PICTURES.npy``: one prediction of a fresh process.

Prints when it was made, on the machine's monotonic clock, and the most memory that this process has held.
"""

import sys
import time
from pathlib import Path

import numpy as np

from .peers import ENGINES


def main() -> None:
    engine, path, pictures = sys.argv[1:]
    peer = ENGINES[engine].make(path, np.load(pictures), 1)
    peer.run()
    if not np.isfinite(peer.result()).all():
        raise ArithmeticError("expected finite numbers")
    predicted = time.monotonic()
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(f'\n{{"predicted": {predicted!r}, "peak_kib": {peak}}}')


main()
