"""The trainer's commands, one after the other, on made pictures in a thousand class folders as ImageNet's are."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..utils.machine import ROOT

CLASSES, SIZE = 1000, (500, 375)
CONFIGURATION = "imagenet-alexnet-lcnn-fast-tf-lcnn"
EACH = {"train": 2, "val": 1}  # pictures of each class


class PipelineError(Exception):
    """A command failed; its own words are on the standard error."""


def make_folders(root: Path, classes: int = CLASSES) -> None:
    """Fill ``root`` with ``train/CLASS/*.JPEG`` and ``val/CLASS/*.JPEG`` of pictures made by a seed, unless it is full.

    A picture is smooth noise, which compresses about as photographs do.
    """
    rng = np.random.default_rng(0)
    for number in range(classes):
        for part, each in EACH.items():
            folder = root / part / f"n{number:08}"
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(each):
                path = folder / f"{part}_{number:04}_{index}.JPEG"
                coarse = rng.integers(0, 256, (SIZE[1] // 5, SIZE[0] // 5, 3), np.uint8)
                if not path.exists():
                    Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)


def commands(data: Path, run: Path, steps: int, batch: int) -> dict[str, list[str]]:
    """List what is run: the trainer's commands, and at the end the engine's, on one picture."""
    few = (f"train.steps_per_epoch={steps}", f"train.batch_size={batch}", f"data.validation={batch}")
    chosen = [word for setting in ("train.epochs=1", "train.threads=1", *few) for word in ("--set", setting)]
    model = run / "model.safetensors"
    return {
        "data --scan": ["lcnn_train", "data", CONFIGURATION, "--data", str(data), "--scan"],
        "fit": ["lcnn_train", "fit", CONFIGURATION, "--data", str(data), "--run", str(run), *chosen],
        "evaluate": ["lcnn_train", "evaluate", str(run), "--data", str(data)],
        "export": ["lcnn_train", "export", str(run), str(model)],
        "lcnn predict": ["lcnn_engine", "predict", str(model), str(next((data / "val").glob("*/*.JPEG")))],
    }


def run_all(data: Path, run: Path, steps: int, batch: int) -> list[dict[str, Any]]:
    """Run the commands in turn; return each name, seconds and lines. Raises PipelineError at the first failure."""
    found = []
    for name, arguments in commands(data, run, steps, batch).items():
        print(name, file=sys.stderr, flush=True)
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise PipelineError(f"{' '.join(arguments)} ended with {done.returncode}")
        lines = [line for line in done.stdout.replace(str(data), "FOLDER").splitlines() if line.strip()]
        found.append({"command": name, "seconds": round(time.perf_counter() - begun, 1), "said": lines})
    return found
