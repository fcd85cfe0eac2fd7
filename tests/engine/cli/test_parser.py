"""What the command ``lcnn`` takes: help, usage, and where options may stand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lcnn_engine import __version__
from tests.helpers.running import ROOT, Run


def test_help_and_version(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    assert all(command in out for command in ("predict", "info", "verify", "profile", "bench"))
    assert run("--version") == (0, f"lcnn {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("predict",), ("predict", "model"), ("verify",), ("paint",), ("predict", "m", "i", "--top", "0"),
        ("predict", "m", "i", "--top", "1.5"), ("predict", "m", "i", "--threads", "none"), ("info", "a", "b"),
        ("verify", "m", "--threads", "-1"), ("info", "--colour"),
    ],
)  # fmt: skip
def test_usage(run: Run, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "usage: lcnn" in err


def test_help_and_mistakes_load_no_command() -> None:
    """They answer as fast as the engine itself is imported."""
    code = (
        "import sys, lcnn_engine.cli as cli\n"
        "before = set(sys.modules)\n"
        "for arguments in (['--help'], ['predict', '--help'], ['predict', '--tup', '3', 'm', 'i']):\n"
        "    try: cli.main(arguments)\n"
        "    except SystemExit: pass\n"
        "print([name for name in set(sys.modules) - before if name.startswith('lcnn_engine')], file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        "verify MODEL --threads 1 IMAGE IMAGE", "verify --threads 1 MODEL IMAGE --json IMAGE",
        "bench MODEL --runs 1 IMAGE", "profile MODEL --runs 1 --no-dense IMAGE", "info --json MODEL",
        "predict MODEL IMAGE --top 1 IMAGE", "predict --top 1 -- MODEL IMAGE",
    ],
)  # fmt: skip
def test_options_may_stand_anywhere(run: Run, model_path: Path, images: list[Path], words: str) -> None:
    named = {"MODEL": model_path, "IMAGE": images[0]}
    status, out, err = run(*(named.get(word, word) for word in words.split()))
    assert (status, err) == (0, "")
    if "verify" in words:
        assert "2 images" in out or json.loads(out)["inputs"] == 2
    if "bench" in words:
        assert f"on {images[0]}" in out
