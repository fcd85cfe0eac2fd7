"""``python -m benchmarks.conversions [time]``: docs/results-efficientnet-lite0.md, from docs/measure_conversion.py.

``time`` measures the models that it has kept first: one photograph, one thread, one core, all models in turns. Of each
the lower quartile of the rounds is kept, since other work on the machine makes a round longer and never shorter.
Without it the times that are known of the same files stay.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lcnn_engine import Net, read_model
from lcnn_engine.interop.onnx import onnx_model

from .sweeps.judging import interval
from .utils import machine, report
from .utils.timing import interleave, mean_seconds

NAME = "conversions"
LOG = machine.ROOT / "runs" / "conversion.jsonl"
PAGE = machine.ROOT / "docs" / "results-efficientnet-lite0.md"
PHOTOGRAPH = machine.ROOT / "tests" / "data" / "pictures" / "cat.jpg"
BEGIN, END = "<!-- from results/conversions.json, by python -m benchmarks.conversions -->", "<!-- end -->"
DENSE, ORT = "dense", "onnxruntime"
PRECISIONS = ("float32", "bfloat16")
COUNTED_EVERY = 5  # as measure_conversion.py counts photographs, which are in the order of their classes
POINTWISE = 3_146_112  # weights of all layers that are converted
ROUNDS, QUARTILE, QUIET = 60, 25, 1.5


def collected(log: Path, former: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say of each row what it kept of the answers, with the times that are known of the same file."""
    times = {row["sha256"]: row.get("milliseconds", {}) for row in former.get("rows", ())}
    rows, dense = [], None
    for row in map(json.loads, log.read_text().splitlines()):
        answers, data = np.array(row.pop("answers")), Path(row["file"]).read_bytes()
        dense = answers if dense is None else dense
        digest = hashlib.sha256(data).hexdigest()
        counts = {"images": len(answers), "as_before": int((answers == dense).sum())}
        right = int((answers == COUNTED_EVERY * np.arange(len(answers))).sum())
        rows.append({**row, **counts, "right": right, "bytes": len(data), "sha256": digest,
                     "milliseconds": times.get(digest, {})})  # fmt: skip
    return rows


def contenders(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Callable[[], object]]:
    """Load every model in every precision that this processor has, and the dense one in ONNX Runtime."""
    import onnxruntime

    x = np.asarray(Image.open(PHOTOGRAPH).convert("RGB").resize((224, 224)), np.float32)[None] / 128 - 1
    found: dict[tuple[str, str], Callable[[], object]] = {}
    for row in rows:
        for precision in PRECISIONS:
            net = Net.load(row["file"], threads=1, precision=precision)
            if net.precision == precision:
                found[row["name"], precision] = lambda net=net: net.run(x)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    model = onnx_model(*read_model(next(row["file"] for row in rows if row["name"] == DENSE)))
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: x}
    return found | {(DENSE, ORT): lambda: session.run(None, inputs)}


def measure_times(rows: Sequence[Mapping[str, Any]], rounds: int) -> None:
    """Fill in the milliseconds of every row."""
    machine.pin()
    runs = contenders(rows)
    sampled = interleave({key: _timed(run) for key, run in runs.items()}, rounds)
    by_name = {row["name"]: row for row in rows}
    for (name, precision), sample in sampled.items():
        by_name[name]["milliseconds"][precision] = round(1e3 * float(np.percentile(sample.rounds, QUARTILE)), 3)


def _timed(run: Callable[[], object]) -> Callable[[], float]:
    return lambda: mean_seconds(run, 1)


def table(results: Mapping[str, Any]) -> str:
    """Set every row in Markdown."""
    lines = [
        "| | answers as before, % | right, % | lookups, % of weights | error of outputs | ms, float32 | ms, bf16 |",
        f"| --- |{' ---: |' * 6}",
    ]
    for row in results["rows"]:
        low, high = interval(row["as_before"], row["images"])
        agrees = (
            "" if row["name"] == DENSE else f"{100 * row['as_before'] / row['images']:.1f} ({low:.0f} to {high:.0f})"
        )
        lookups = f"{100 * row['lookups'] / POINTWISE:.1f}" if "lookups" in row else ""
        error = f"{row['output_error']:.3f}" if row.get("output_error") else ""
        times = [f"{row['milliseconds'][p]:.2f}" if p in row["milliseconds"] else "" for p in PRECISIONS]
        cells = (row["name"], agrees, f"{100 * row['right'] / row['images']:.1f}", lookups, error, *times)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _conditions(results)])


def _conditions(results: Mapping[str, Any]) -> str:
    if "machine" not in results:
        return "Times are not measured yet."
    facts, load = results["machine"], results["load"]
    theirs = results["rows"][0]["milliseconds"].get(ORT)
    peer = f" ONNX Runtime {facts['onnxruntime']} takes {theirs:.2f} ms for the dense network." if theirs else ""
    busy = "" if max(load) < QUIET else ", so there was other work, and times are to be taken again on a quiet machine"
    return (
        f"Times: lower quartiles of {results['rounds']} rounds in turns on one core of {facts['processor']}, "
        f"{facts['isa']}; load average {load[0]:g} before and {load[1]:g} after, of which the measurement is 1{busy}."
        f"{peer}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect, time where that is asked for, and draw the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversions", description=__doc__.partition("\n")[0])
    parser.add_argument("time", nargs="?", choices=["time"], help="measure times first")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of timing; default {ROUNDS}")
    options = parser.parse_args(arguments)
    path = report.RESULTS / f"{NAME}.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if LOG.exists():
        results["rows"] = collected(LOG, results)
    if options.time:
        before = os.getloadavg()[0]
        measure_times(results["rows"], options.rounds)
        results |= {"machine": machine.describe(), "load": [round(before, 2), round(os.getloadavg()[0], 2)],
                    "rounds": options.rounds}  # fmt: skip
    report.write_json(NAME, results)
    page = report.between(PAGE.read_text(encoding="utf-8"), BEGIN, END, table(results))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    machine.start_clean()
    main()
