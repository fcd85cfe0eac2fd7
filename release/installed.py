"""Predict with an installed engine, and say in a line of JSON what was found. Needs NumPy and Pillow alone.

    python installed.py [FOLDER]

``FOLDER`` is where the packages are, for an interpreter that was started without its own (``python -I -S``). Digits and
model are those of this clone, and every kernel variant that runs here predicts them. Ends with 1 where one has a digit
in twenty wrong, or where a variant was left out.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
MODEL = CLONE / "weights/mnist-alexnet-lcnn-fast.safetensors"
DIGITS = CLONE / "tests/data/digits"


def main(folder: str | None) -> int:
    """Predict the digits and print what was found."""
    if folder is not None:
        sys.path.insert(0, folder)
    import lcnn_engine  # from the folder

    facts = lcnn_engine.kernel_info()
    files = sorted(DIGITS.glob("*.png"))
    right = {isa: right_of(files, isa) for isa in facts["isa_available"]}
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "compiler": next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None),
        "from": str(Path(lcnn_engine.__file__).parents[1]),
        **{key: facts[key] for key in ("lcnn", "numpy", "isa", "isa_available", "isa_left_out", "blas", "blas_core")},
        "digits": len(files),
        "right": right,
    }
    print(json.dumps(found))
    return int(20 * min(right.values()) < 19 * len(files) or bool(facts["isa_left_out"]))


def right_of(files: list[Path], isa: str) -> int:
    """Predict digits with one variant of the kernels, and count those that are right: a file's name ends in its."""
    import numpy as np

    import lcnn_engine

    os.environ["LCNN_ISA"] = isa
    predicted = np.argmax(lcnn_engine.Net.load(MODEL, threads=1).predict(files), axis=1)
    return sum(int(file.stem[-1]) == int(best) for file, best in zip(files, predicted, strict=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
