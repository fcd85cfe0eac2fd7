"""Whether both sides compute the same bits: every network, instruction set and number of threads."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..comparison.matchups import OURS, short
from ..comparison.worker_process import environment
from ..networks.images import Images
from ..networks.model_files import model_file, network
from ..utils import report
from .sides import Side, SideError

THREADS = (1, 2)
BATCH = 3
SHOWN = 12  # characters of a digest in the table
MODULE = "benchmarks.revisions.digests"


class Row(NamedTuple):
    """What both sides say of one network on one instruction set with so many threads: digests, new and old."""

    network: str
    isa: str
    threads: int
    new: dict[str, Any]
    old: dict[str, Any]

    @property
    def different(self) -> list[str]:
        """The results that differ: "image", "batch", or the name of a node."""
        ends = [what for what in ("image", "batch") if self.new[what] != self.old[what]]
        return ends + [name for name, digest in self.new["nodes"].items() if self.old["nodes"][name] != digest]

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "different": self.different}


def compare(new: Side, old: Side, networks: Sequence[str], images: Images) -> list[Row]:
    """Compute everything on both sides. Raises SideError where one fails."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = [_job(name, images, Path(folder) / f"{number}.npy") for number, name in enumerate(networks)]
        rows = []
        for isa in common_isas(new, old):
            print(f"bits: {isa}", file=sys.stderr, flush=True)
            found = _on_both(new, old, jobs, isa)
            for name, own, other in zip(networks, *found, strict=True):
                rows += [Row(name, isa, *each) for each in zip(THREADS, own, other, strict=True)]
    return rows


def common_isas(new: Side, old: Side) -> list[str]:
    """Instruction sets that both sides have kernels for on this processor, fastest first."""
    own, other = ask(new, [])["isas"], ask(old, [])["isas"]
    return [isa for isa in own if isa in other]


def _job(name: str, images: Images, batch: Path) -> dict[str, Any]:
    np.save(batch, images.batch(name, BATCH))
    nodes = [node.name for node in network(name)[0].nodes]
    path = model_file(name, "safetensors")
    return {"path": str(path), "batch": str(batch), "nodes": nodes, "threads": THREADS}


def _on_both(new: Side, old: Side, jobs: list[dict[str, Any]], isa: str) -> list[list[Any]]:
    with ThreadPoolExecutor(2) as pool:
        return [answer["results"] for answer in pool.map(lambda side: ask(side, jobs, isa), (new, old))]


def ask(side: Side, jobs: Sequence[dict[str, Any]], isa: str | None = None) -> dict[str, Any]:
    """Have a process of ``side`` do ``jobs``; see ``digests``. Raises SideError where it fails."""
    lowered = {} if isa is None else {"LCNN_ISA": isa}
    done = subprocess.run(
        [sys.executable, "-m", MODULE], input=json.dumps(jobs), capture_output=True, text=True,
        env={**environment(OURS, side.root), **lowered}, cwd=side.root,
    )  # fmt: skip
    if done.returncode:
        raise SideError(f"{side.title} side, {side.commit}: {' '.join(done.stderr.split())[-500:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if Path(answer["engine"]).resolve() != (side.tree / "lcnn_engine").resolve():
        raise SideError(f"expected the {side.title} side to import {side.tree / 'lcnn_engine'}, got {answer['engine']}")
    return answer


def table(rows: Sequence[Row]) -> str:
    """One line a row: digests of the new side, and what differs."""
    cells = [("network", "isa", "threads", "one image", f"batch of {BATCH}", "nodes", "")]
    for row in rows:
        names = row.different
        equal = sum(name not in names for name in row.new["nodes"])
        cells.append((
            short(row.network), row.isa, str(row.threads), row.new["image"][:SHOWN], row.new["batch"][:SHOWN],
            f"{equal} of {len(row.new['nodes'])}", f"DIFFERS: {', '.join(names[:5])}" if names else "equal",
        ))  # fmt: skip
    same = sum(not row.different for row in rows)
    return f"{same} of {len(rows)} rows equal to the bit\n{report.table(cells, left=(0, 1, 3, 4, 6))}"
