"""A process in which inputs are tried: ``python -m tests.fuzz.worker NOTE CORPUS``.

It reads jobs from its standard input, a line of JSON each, and answers each with a line of JSON. Before an input is
tried it lies in the file NOTE, so that whoever finds this process ended knows by what.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import json
import random
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind
from tests.fuzz.meter import FoundError, Meter

KINDS = {
    "model_files": ("tests.fuzz.model_files", "ModelFiles"),
    "pictures": ("tests.fuzz.pictures", "Pictures"),
    "onnx_files": ("tests.fuzz.onnx_files", "OnnxFiles"),
    "networks": ("tests.fuzz.networks", "Networks"),
    "planted": ("tests.fuzz.planted", "Planted"),
}
MOST_KEPT = 2**16  # bytes of an input that is kept for being new


class Worker:
    """Tries inputs, one after the other."""

    def __init__(self, note: Path, corpus: Path, meter: Meter) -> None:
        self._note = note.open("wb", buffering=0)
        self._corpus = corpus
        self._meter = meter
        self._kinds: dict[str, Kind] = {}
        self._known: dict[str, set[str]] = {}

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Try ``count`` inputs from number ``start`` on, of a kind and a seed."""
        kind = self._kind(job["kind"])
        known = self._known.setdefault(kind.name, set())
        answer: dict[str, Any] = {"loaded": 0, "refused": 0, "runs": 0, "findings": [], "new": []}
        self._meter.peak = 0
        for number in range(job["start"], job["start"] + job["count"]):
            data = kind.make(random.Random(f"{job['seed']} {kind.name} {number}"))
            self._write(data)
            try:
                with self._meter.seconds(kind.seconds):
                    outcome = kind.judge(data, self._meter)
            except Exception as error:
                answer["findings"].append({"number": number, "what": _what(error), "data": _text(data)})
                continue
            answer["loaded" if outcome.loaded else "refused"] += 1
            answer["runs"] += outcome.runs
            if outcome.signature not in known and len(data) <= MOST_KEPT:
                known.add(outcome.signature)
                answer["new"].append([outcome.signature, _text(data)])
        return answer | {"peak": self._meter.peak}

    def _kind(self, name: str) -> Kind:
        if name not in self._kinds:
            module, attribute = KINDS[name]
            kept = [path.read_bytes() for path in sorted((self._corpus / name).glob("*"))]
            self._kinds[name] = getattr(importlib.import_module(module), attribute)(kept)
        return self._kinds[name]

    def _write(self, data: bytes) -> None:
        self._note.seek(0)
        self._note.truncate()
        self._note.write(data)


def _what(error: Exception) -> str:
    if isinstance(error, FoundError):
        return str(error)
    return "".join(traceback.format_exception(error))[-6000:]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("note", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--no-memory", action="store_true", help="do not watch memory, for a sanitizer has its own")
    options = parser.parse_args()
    answers = sys.stdout
    sys.stdout = sys.stderr  # what others print must not come between answers
    worker = Worker(options.note, options.corpus, Meter(guarded=not options.no_memory))
    for line in sys.stdin:
        print(json.dumps(worker.run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
