"""A campaign: how many inputs of each kind there are to be, how many there were, and what came of them.

All of it lies in one folder: ``state.json``, from which it goes on where it was ended, ``findings/``, each with the
input that shows it, and inputs of signatures that are new: those in ``new/`` join ``corpus/``, from which inputs are
made, when the next campaign begins. So a campaign's seed says what its inputs are, whatever it finds meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lcnn_engine.utils.files import replacing

MOST_KEPT = 1500  # inputs of a kind
FIRST_CHUNK, LARGEST_CHUNK = 8, 512
CHUNK_SECONDS = 2.0  # that a job should take
LINES_OF_A_FINDING = 3  # by which findings of one sort are known


@dataclass
class Count:
    """What came of the inputs of a kind: of ``tried``, as many were ``loaded``, ``refused`` and ``found`` wrong.

    ``given`` is the number of the next input that nobody has been given, ``left`` are jobs that were begun and not
    ended. ``runs`` are networks or images run, ``peak`` the most bytes that one input took.
    """

    wanted: int
    tried: int = 0
    loaded: int = 0
    refused: int = 0
    found: int = 0
    runs: int = 0
    peak: int = 0
    seconds: float = 0.0
    given: int = 0
    left: list[tuple[int, int]] = field(default_factory=list)


class Campaign:
    """Shares out inputs as jobs and takes their results in; not more than one thread at a time may do either."""

    def __init__(self, folder: Path, seed: int, wanted: Mapping[str, int]) -> None:
        self.folder, self.seed = folder, seed
        self.counts = {name: Count(count) for name, count in wanted.items()}
        self.began = time.time()
        self._chunk = dict.fromkeys(wanted, FIRST_CHUNK)
        self._open: dict[str, list[tuple[int, int]]] = {name: [] for name in wanted}  # jobs that are being done
        self._kept = {name: self._read_index(name) for name in wanted}
        for name in ("findings", *(f"{place}/{kind}" for place in ("corpus", "new") for kind in wanted)):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @classmethod
    def begun(cls, folder: Path, seed: int, wanted: Mapping[str, int]) -> Campaign:
        """Begin a campaign in a folder, which may have a corpus."""
        campaign = cls(folder, seed, wanted)
        for path in (folder / "new").glob("*/*"):
            path.replace(folder / "corpus" / path.relative_to(folder / "new"))
        return campaign

    @classmethod
    def resumed(cls, folder: Path) -> Campaign:
        """Go on with the campaign of a folder. Raises OSError where there is none."""
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        campaign = cls(folder, state["seed"], {name: count["wanted"] for name, count in state["counts"].items()})
        campaign.began = state["began"]
        for name, count in state["counts"].items():
            campaign.counts[name] = Count(**{**count, "left": [tuple(job) for job in count["left"]]})
        return campaign

    def next_job(self) -> dict[str, Any] | None:
        """Give a job of the kind that is the furthest behind; None once all that is wanted is given."""
        open_kinds = {name: count for name, count in self.counts.items() if count.left or count.given < count.wanted}
        if not open_kinds:
            return None
        name = min(open_kinds, key=lambda name: (open_kinds[name].given / open_kinds[name].wanted, name))
        count = open_kinds[name]
        if count.left:
            start, size = count.left.pop()
        else:
            start, size = count.given, min(self._chunk[name], count.wanted - count.given)
            count.given += size
        self._open[name].append((start, size))
        return {"kind": name, "seed": self.seed, "start": start, "count": size}

    def take(self, job: Mapping[str, Any], answer: Mapping[str, Any], seconds: float) -> list[str]:
        """Take in what came of a job; give what was found, a line each."""
        name, count = job["kind"], self.counts[job["kind"]]
        self._open[name].remove((job["start"], job["count"]))
        count.tried += job["count"]
        count.found += len(answer["findings"])
        for key in ("loaded", "refused", "runs"):
            setattr(count, key, getattr(count, key) + answer[key])
        count.peak = max(count.peak, answer["peak"])
        count.seconds += seconds
        ratio = min(4.0, max(0.25, CHUNK_SECONDS / max(seconds, 1e-3)))
        self._chunk[name] = max(1, min(LARGEST_CHUNK, round(job["count"] * ratio)))
        for signature, text in answer["new"]:
            self._keep(name, signature, base64.b64decode(text))
        return [
            self.found(name, finding["what"], base64.b64decode(finding["data"]), finding["number"])
            for finding in answer["findings"]
        ]

    def ended(self, job: Mapping[str, Any], what: str, data: bytes) -> str:
        """Take in that a job's process ended while it tried ``data``; the rest of the job is begun anew, one by one."""
        count = self.counts[job["kind"]]
        self._open[job["kind"]].remove((job["start"], job["count"]))
        if job["count"] > 1:
            count.left += [(number, 1) for number in range(job["start"], job["start"] + job["count"])]
            return ""
        count.tried += 1
        count.found += 1
        return self.found(job["kind"], what, data, job["start"])

    def found(self, name: str, what: str, data: bytes, number: int) -> str:
        """Write down a finding, with the input that shows it; once for each sort. Gives it as a line."""
        lines = [line.strip() for line in what.strip().splitlines() if line.strip()]
        sort = re.sub(r"\d+", "0", " ".join(lines[-LINES_OF_A_FINDING:]))
        place = self.folder / "findings" / f"{name}-{hashlib.sha256(sort.encode()).hexdigest()[:12]}"
        if not place.with_suffix(".bin").exists():
            text = f"{name}, seed {self.seed}, number {number}\n{what}\n"
            place.with_suffix(".txt").write_text(text, encoding="utf-8")
            place.with_suffix(".bin").write_bytes(data)
        return f"{place.with_suffix('.bin')}: {lines[-1][:300] if lines else what}"

    def save(self) -> None:
        """Write down how far it has come; jobs that nobody has answered yet are begun anew when it goes on."""
        counts = {name: asdict(count) | {"left": count.left + self._open[name]} for name, count in self.counts.items()}
        state = {"seed": self.seed, "began": self.began, "counts": counts}
        with replacing(self.folder / "state.json") as stream:
            stream.write(json.dumps(state, indent=1).encode())
        for name, index in self._kept.items():
            with replacing(self.folder / f"corpus/{name}.json") as stream:
                stream.write(json.dumps(index, indent=0, sort_keys=True).encode())

    def summary(self) -> str:
        """Tabulate what came of all kinds."""
        head = (
            f"{'':12} {'tried':>8} {'loaded':>8} {'refused':>8} {'found':>6} {'runs':>9} {'peak MiB':>9} {'minutes':>8}"
        )
        rows = [
            f"{name:12} {c.tried:8} {c.loaded:8} {c.refused:8} {c.found:6} {c.runs:9} {c.peak / 2**20:9.1f} "
            f"{c.seconds / 60:8.1f}"
            for name, c in self.counts.items()
        ]
        return "\n".join([f"seed {self.seed}", head, *rows])

    def _read_index(self, name: str) -> dict[str, str]:
        """Read which signatures the corpus has, and in which files."""
        try:
            index: dict[str, str] = json.loads((self.folder / f"corpus/{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return index

    def _keep(self, name: str, signature: str, data: bytes) -> None:
        index = self._kept[name]
        if signature in index or len(index) >= MOST_KEPT:
            return
        index[signature] = hashlib.sha256(data).hexdigest()[:16]
        (self.folder / "new" / name / index[signature]).write_bytes(data)
