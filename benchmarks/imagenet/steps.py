"""What one training step of a configuration takes on made pictures, in a process of its own: its memory is measured.

``python -m benchmarks.imagenet.steps NAME STEPS BATCH...`` prints a line of JSON. Pictures are noise, and one thread
does everything, so the processor's time of a step is also its time on a core of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..utils.machine import ROOT

IMAGES = 1_281_167  # of ILSVRC2012's training part
PRESETS = ROOT / "lcnn_train" / "config" / "presets"


class StepError(Exception):
    """A configuration's process ended without a result; its own words are on the standard error."""


def configurations() -> list[str]:
    """List the names of the configurations for ImageNet that come with the trainer."""
    return sorted(path.stem for path in PRESETS.glob("imagenet-*.yaml"))


def measured(name: str, steps: int, batches: Sequence[int]) -> dict[str, Any]:
    """Measure a configuration in a fresh process. Raises StepError."""
    command = [sys.executable, "-m", "benchmarks.imagenet.steps", name, str(steps), *map(str, batches)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StepError(f"{name}: expected a result, and the process ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def steps_of(name: str, steps: int, batches: Sequence[int]) -> dict[str, Any]:
    """Take ``steps`` steps with each of ``batches``, ascending; the first with each is not counted.

    Returns what the configuration says of a whole training, how many parameters learn, and for each batch the least
    seconds of the processor and the most memory that the process has had so far, in MiB.
    """
    from lcnn_train.config.experiment import load_config
    from lcnn_train.training.distribute import open_replicas
    from lcnn_train.training.fit import build_model, set_threads
    from lcnn_train.training.state import TrainingState

    config = load_config(name)
    set_threads(1)
    replicas = open_replicas(config.train)
    model = build_model(config)
    found = []
    for batch in batches:
        state = TrainingState(model, config.train, replicas, batch, IMAGES // config.train.batch_size)
        seconds = _least_seconds(state.step, _made(batch, config.model.input_shape), steps)
        found.append({"batch": batch, "seconds": seconds, "peak_mib": _peak_mib()})
    return {
        "name": name,
        "batch_size": config.train.batch_size,
        "epochs": config.train.epochs,
        "parameters": int(sum(variable.numpy().size for variable in model.trainable_variables)),
        "steps": found,
    }


def _made(batch: int, shape: Sequence[int]) -> tuple[Any, Any]:
    """Make a batch of noise as prepared pictures are, and labels."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *shape), np.float32)
    return tf.constant(x), tf.constant(rng.integers(0, 1000, batch), tf.int32)


def _least_seconds(step: Any, batch: tuple[Any, Any], steps: int) -> float:
    step.train(batch)  # traced, and its memory taken
    seconds = []
    for _ in range(steps):
        begun = time.process_time()
        step.train(batch)
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _peak_mib() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(steps_of(sys.argv[1], int(sys.argv[2]), [int(word) for word in sys.argv[3:]])))
