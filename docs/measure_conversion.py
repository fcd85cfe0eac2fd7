"""What conversions of EfficientNet-Lite0 leave of its answers, before any training: by weights alone, and by samples.

python docs/measure_conversion.py CHECKPOINT PHOTOGRAPHS    # pictures named in the order of their classes

The pointwise layers are converted. Every fifth photograph is counted, 200 of 1,000; those that layers are fitted to are
128 of the others. Each row is a line of runs/conversion.jsonl as soon as it is known, its model a file in
runs/conversion: a run that is begun again goes on after the last. Nothing is chosen by what it measures. `python -m
benchmarks.conversions time` times the models and writes docs/results-efficientnet-lite0.md.
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
from efficientnet_lite0 import efficientnet_lite0, prepared

from lcnn_train import export, lookup_model, lookup_report

LOG = Path("runs/conversion.jsonl")
FILES = Path("runs/conversion")
SAMPLES, COUNTED_EVERY = 128, 5


def pointwise(layer: Any, dictionary: Any = None) -> Any:
    """What `dictionary` says of a layer: of all but 1x1 convolutions, that they stay."""
    return dictionary if getattr(layer, "kernel_size", None) == (1, 1) else "dense"


def per_tap(model: keras.Model, share: float, multiple: int = 1) -> dict[str, int]:
    """As many lookups of each filter as are this share of its channels."""
    return {
        layer.name: max(multiple, round(share * layer.kernel.shape[-2] / multiple) * multiple)
        for layer in model.layers
        if getattr(layer, "kernel_size", None) == (1, 1)
    }


def rows(model: keras.Model) -> dict[str, dict[str, Any]]:
    """List the conversions: arguments of lookup_model besides the dictionary; `samples` is put in where it is True."""
    found: dict[str, dict[str, Any]] = {}
    for share in (0.7, 0.5):
        kept = {"lookups_per_tap": per_tap(model, share)}
        found[f"{share:.0%} of each filter, by weights"] = kept
        found[f"{share:.0%} of each filter"] = {**kept, "samples": True}
        found[f"{share:.0%} of all"] = {"budget": share, "of": "lookups", "samples": True}
        found[f"{share:.0%} of all, groups of 16"] = {**found[f"{share:.0%} of all"], "groups_of": 16}
        found[f"{share:.0%} of multiplications"] = {"budget": share, "samples": True}
    for part, lookups in ((0.25, None), (0.5, None), (0.5, 8), (0.5, 16)):
        sizes = {name: round(part * min(model.get_layer(name).kernel.shape[-2:])) for name in per_tap(model, 1.0)}
        name = f"k = {part:g} of channels or filters, {lookups or 'all'} lookups"
        found[name] = {"dictionary": sizes, "lookups_per_tap": lookups, "samples": True}
        found[f"{name}, by weights"] = {"dictionary": sizes, "lookups_per_tap": lookups}
    found["dictionaries chosen, 50% of multiplications"] = {"dictionary": "auto", "budget": 0.5, "samples": True}
    return found


def file_of(name: str) -> Path:
    """Return where the model file of a row is kept."""
    return FILES / (re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") + ".safetensors")


def measured(
    model: keras.Model, settings: dict[str, Any], samples: np.ndarray, x: np.ndarray, path: Path
) -> dict[str, Any]:
    """Convert, count which answers are the model's, and which are right; keep the converted model."""
    begun, settings = time.perf_counter(), dict(settings)
    if settings.pop("samples", False):
        settings["samples"] = samples
    if settings.get("dictionary") == "auto":
        settings["skip"] = lambda layer: pointwise(layer) == "dense"
    settings.setdefault("dictionary", pointwise)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lookups = lookup_model(model, l1=0, threshold=0, **settings)
    took = time.perf_counter() - begun
    export(lookups, path)
    answers = lookups.predict(x, batch_size=20, verbose=0).argmax(axis=1)
    layers = [row for row in lookup_report(lookups).layers if row.lookup]
    errors = [row.output_error for row in layers if row.output_error is not None]
    return {
        "answers": answers.tolist(),
        "lookups": sum(row.lookups for row in layers),
        "output_error": float(np.mean(errors)) if errors else None,
        "seconds": round(took, 1),
    }


def main(checkpoint: Path, photographs: Path) -> None:
    paths = sorted(photographs.glob("*.JPEG"))
    counted = np.arange(0, len(paths), COUNTED_EVERY)
    others = np.setdiff1d(np.arange(len(paths)), counted)
    chosen = np.random.default_rng(0).choice(others, min(SAMPLES, len(others)), replace=False)
    x, samples = (np.stack([prepared(paths[i]) for i in which]) for which in (counted, chosen))
    model = efficientnet_lite0(checkpoint)
    FILES.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in LOG.read_text().splitlines()] if LOG.exists() else []
    done = {row["name"]: row for row in known}
    dense = np.array(done["dense"]["answers"]) if "dense" in done else None
    for name, settings in {"dense": None, **rows(model)}.items():
        if name not in done:
            if settings is None:
                export(model, file_of(name))
                row = {"answers": model.predict(x, batch_size=20, verbose=0).argmax(axis=1).tolist()}
            else:
                row = measured(model, settings, samples, x, file_of(name))
            done[name] = {"name": name, "file": str(file_of(name)), **row}
            with LOG.open("a") as file:
                file.write(json.dumps(done[name]) + "\n")
        answers = np.array(done[name]["answers"])
        dense = answers if dense is None else dense
        facts = ", ".join(
            f"{key} {value}" for key, value in done[name].items() if key not in ("name", "file", "answers")
        )
        print(
            f"{name}: as before {np.mean(answers == dense):.1%}, right {np.mean(answers == counted):.1%}; {facts}",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
