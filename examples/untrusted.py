"""Classify a picture of a stranger by a model of a stranger, in a process that is limited and can be ended.

python examples/untrusted.py MODEL PICTURE
"""

import json
import os
import resource
import subprocess
import sys

SECONDS, MEGABYTES = 10, 1024  # of the processor and of memory, all libraries included
PATIENCE = 60  # seconds by the clock: on a busy machine, those of the processor take longer
MOST_PIXELS = 50_000_000
FORMATS = ["JPEG", "PNG", "WEBP"]  # and none for which Pillow starts other programs
ACTIVATIONS = 256 * 2**20


def ask(model: str, picture: str) -> dict[str, object]:
    """Classify in a process of its own: {"classes": ...}, or {"error": ...}, whatever the files hold."""
    command = [sys.executable, __file__, "--inside", model, picture]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # each would take memory, and the engine uses none
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, env=one_thread)
    except subprocess.TimeoutExpired:
        return {"error": f"ended after {PATIENCE} seconds"}
    if done.returncode:
        return {"error": f"ended with status {done.returncode}"}
    return json.loads(done.stdout)


def inside(model: str, picture: str) -> dict[str, object]:
    """Classify, in the process that :func:`ask` starts."""
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from PIL import Image

    from lcnn_engine import Net

    try:
        net = Net.load(model, threads=1, max_bytes=ACTIVATIONS)
        with Image.open(picture, formats=FORMATS) as image:  # reads the header alone
            if image.width * image.height > MOST_PIXELS:
                return {"error": f"expected at most {MOST_PIXELS} pixels, got {image.width} x {image.height}"}
            return {"classes": net.classify(image)}
    except Exception as error:  # Pillow raises whatever a damaged header leads it to
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        print(json.dumps(inside(*sys.argv[2:])))
    else:
        print(json.dumps(ask(*sys.argv[1:])))
