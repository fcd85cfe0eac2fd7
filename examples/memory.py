"""How much memory a network takes: the interpreter, the Net, its first run, and each caller more.

python examples/memory.py MODEL
"""

import sys
import threading
from pathlib import Path

import numpy as np


def mebibytes() -> float:
    """Memory that this process has now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def main(model: str) -> int:
    steps = [("Python and NumPy", mebibytes())]
    from lcnn_engine import Net

    steps.append(("import lcnn_engine", mebibytes()))
    net = Net.load(model, threads=1)
    steps.append(("Net.load", mebibytes()))
    x = np.zeros(net.input_shape, np.float32)
    net.run(x)
    steps.append(("the first run", mebibytes()))
    net.predict(np.zeros((64, 64, 3), np.uint8))
    steps.append(("a picture: Pillow", mebibytes()))
    together = threading.Barrier(8)

    def call() -> None:
        together.wait()
        for _ in range(50):
            net.run(x)

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    steps.append(("8 callers at once", mebibytes()))
    print(f"{model}: {Path(model).stat().st_size / 2**20:.1f} MiB")
    for (what, now), (_, before) in zip(steps, [("", 0.0), *steps], strict=False):
        print(f"{what:20} {now - before:8.1f} MiB more, {now:8.1f} MiB in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
