"""``python -m benchmarks.comparison.first_prediction ENGINE MODEL IMAGES.npy``: one prediction of a fresh process.

Prints when it was made, on the machine's monotonic clock, and the most memory that this process has held.
"""

import sys
import time
from pathlib import Path

import numpy as np

from .engines import ENGINES


def main() -> None:
    engine, path, images = sys.argv[1:]
    model = ENGINES[engine].make(path, np.load(images), 1)
    model.run()
    if not np.isfinite(model.result()).all():
        raise ArithmeticError("expected finite numbers")
    predicted = time.monotonic()
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(f'\n{{"predicted": {predicted!r}, "peak_kib": {peak}}}')


main()
