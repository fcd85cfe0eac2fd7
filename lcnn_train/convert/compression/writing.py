"""A report as files: Markdown, JSON, and pictures where Matplotlib is installed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from lcnn_train.convert.compression.picture import draw
from lcnn_train.convert.compression.report import Report
from lcnn_train.errors import RunError
from lcnn_train.reports.plot import plot_log
from lcnn_train.utils.files import write_atomically


def write_report(report: Report, folder: Path) -> None:
    """Write report.md, report.json and, where Matplotlib is installed, report.png and training.png."""
    drawn = "![Time, accuracy and layers](report.png)\n\n![The training](training.png)\n"
    try:
        draw(report, folder / "report.png")
        plot_log(folder / "run" / "log.csv", folder / "training.png")
    except RunError as error:
        drawn = f"No pictures: {error}.\n"
    _write(folder / "report.md", f"{report}\n{drawn}")
    _write(folder / "report.json", json.dumps(asdict(report), indent=2) + "\n")


def _write(path: Path, content: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(content, encoding="utf-8"))
