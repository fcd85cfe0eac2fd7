"""Runs of the whole comparison, a file each, so that what was interrupted goes on and nothing is measured twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lcnn_engine

from ..utils import report
from ..utils.machine import ROOT

FOLDER = "runs"  # in the folder of results


def code() -> str:
    """Return the digest of the engine and of what measures it: runs of different ones do not belong together."""
    digest = hashlib.sha256()
    engine, benchmarks = Path(lcnn_engine.__file__).parent, ROOT / "benchmarks"
    sources = [*engine.rglob("*.py"), *engine.rglob("*.so")]
    for room in ("comparison", "networks", "utils"):
        sources += (benchmarks / room).rglob("*.py")
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def name_of(name: str, number: int) -> str:
    """Name the files of a run, from 1 on, below the folder of results."""
    return f"{FOLDER}/{name}-{number}"


def kept(name: str, number: int, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the numbers of a run that was made with the same settings; None where there is none."""
    try:
        found = json.loads((report.RESULTS / f"{name_of(name, number)}.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("settings") == settings else None
