"""What is known of each trained network of a sweep: what it costs, what the engines have right, how long they take."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lcnn_engine import read_model
from lcnn_engine.analysis.cost import cost_of, totals

from ..comparison.engines import ENGINES
from ..comparison.matchups import PRECISIONS, Entry, Matchup
from ..comparison.measuring import Runner
from ..comparison.worker_process import WorkerError, missing
from ..networks.images import Images
from ..networks.model_files import ConversionError
from ..utils import machine
from .judging import LabelledImages, count_right, interval
from .tables import DENSE, REFERENCE, Run, Sweep, runs_of
from .training import fit_command, model_path, trained_seconds

OURS = tuple(PRECISIONS.values())
OTHERS = ("onnxruntime", "openvino", "litert-int8")
QUARTILE = 25
BLOCK_SECONDS = 0.003  # short: on a machine with other work few blocks are then cut in two
SHOWN = ("lookups", "multiplications")
Results = dict[str, Any]


def networks(sweep: Sweep, files: Path) -> list[Run]:
    """List the runs whose model files are there, but for the reference, which goes on as a dense network."""
    return [run for run in runs_of(sweep) if run.name != REFERENCE and model_path(files, run).exists()]


def collect(sweep: Sweep, folder: Path, files: Path, known: Results) -> Results:
    """Say of every network what it is and costs, with what is ``known`` of the engines on the same model file."""
    former = {point["name"]: point for point in known.get("points", ())}
    points = []
    for run in networks(sweep, files):
        path = model_path(files, run)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        before = former.get(run.name, {})
        same = before.get("sha256") == digest
        costs = totals(cost_of(*read_model(path)))
        points.append(
            {
                "name": run.name, "structure": run.structure, "size": run.size, "epochs": run.total, "seeds": [1],
                "train_seconds": round(trained_seconds(sweep, run, files)), "sha256": digest,
                **{key: costs[key] for key in SHOWN}, "bytes": path.stat().st_size,
                "command": "lcnn-train " + " ".join(map(_quoted, fit_command(sweep, run, folder))),
                "engines": before["engines"] if same else {},
            }
        )  # fmt: skip
    return {**known, "sweep": sweep.name, "points": points}


def _quoted(word: str) -> str:
    return f"'{word}'" if set(word) & set(" [{") else word


def entries(point: Mapping[str, Any], files: Path) -> list[Entry]:
    """List the engines that a network is run in: all of them where it is dense, else ours."""
    path = str((files / f"{point['name']}.safetensors").resolve())
    engines = (*OURS, *OTHERS) if point["structure"] == DENSE else OURS
    return [Entry(engine, path) for engine in engines]


def judge(results: Results, files: Path, test: LabelledImages) -> None:
    """Count what every engine has right of the test images, where that is not known."""
    for point in results["points"]:
        for entry in entries(point, files):
            if "accuracy" in point["engines"].get(entry.engine, {}) or missing(entry.engine):
                continue
            print(f"{point['name']} in {ENGINES[entry.engine].title}", file=sys.stderr, flush=True)
            try:
                right = count_right(entry, test)
            except (WorkerError, ConversionError) as error:
                point["engines"][entry.engine] = {"problem": str(error)}
                continue
            low, high = interval(right, len(test.labels))
            found = {"right": right, "images": len(test.labels), "accuracy": 100 * right / len(test.labels)}
            point["engines"][entry.engine] = {**found, "low": round(low, 2), "high": round(high, 2)}


def measure_times(results: Results, files: Path, test: LabelledImages, rounds: int, seconds: float) -> None:
    """Time one image on one core in every engine, all of them in the same interleaved rounds.

    Kept are median and lower quartile of the rounds: what else runs on the machine makes rounds longer, never shorter.
    """
    image = files / "image.png"
    Image.fromarray(np.asarray(test.images[0])).save(image)
    listed = {entry: point for point in results["points"] for entry in entries(point, files)}
    before = os.getloadavg()
    runner = Runner(Images(image), rounds, seconds, BLOCK_SECONDS)
    found = runner.measure(Matchup(results["sweep"], 1, 1, tuple(listed), ()))
    for entry, one in found.items():
        own = listed[entry]["engines"].setdefault(entry.engine, {})
        own.pop("problem", None)
        if one.problem:
            own["problem"] = one.problem
        if one.rounds:
            quartile, median = np.percentile(one.rounds, [QUARTILE, 50])
            own |= {"milliseconds": float(quartile), "median": float(median), "rounds": len(one.rounds), **one.facts}
    results["machine"] = machine.describe()
    results["load"] = [round(before[0], 2), round(os.getloadavg()[0], 2)]
