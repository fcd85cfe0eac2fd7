"""``python -m lcnn_engine`` is ``lcnn``."""

from __future__ import annotations

import subprocess
import sys

from lcnn_engine import __version__
from tests.helpers.running import ROOT


def test_runs_the_command() -> None:
    command = [sys.executable, "-m", "lcnn_engine"]
    result = subprocess.run([*command, "--version"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"lcnn {__version__}\n", "")
    result = subprocess.run([*command, "info", "none"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "lcnn: error: none: No such file or directory\n")
