"""``lcnn`` and what it is run in: a pipe, a full disk, a terminal of plain ASCII."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.golden import make_golden
from tests.helpers.running import ROOT, in_shell


def test_reader_that_leaves(model_path: Path, images: list[Path]) -> None:
    many = f"'{images[0]}' " * 300
    result = in_shell(f"lcnn predict '{model_path}' {many} | head -n 1")
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk to write to")
def test_full_disk() -> None:
    result = in_shell("lcnn info > /dev/full")
    assert result.returncode == 2
    assert result.stderr == "lcnn: error: No space left on device\n"


def test_closed_output(model_path: Path) -> None:
    result = in_shell(f"lcnn info '{model_path}' >&-")
    assert result.returncode in (0, 2)
    assert "Traceback" not in result.stderr


def test_terminal_of_plain_ascii(model_path: Path) -> None:
    result = in_shell(f"lcnn info '{make_golden.PATH}'", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("every operation \\u2713: ")


def test_name_that_is_no_utf_8(model_path: Path, tmp_path: Path) -> None:
    result = in_shell(f"lcnn predict '{model_path}' $'\\xff.png'")
    assert result.returncode == 2
    assert result.stderr.startswith("lcnn: error: ")
    assert result.stderr.count("\n") == 1


def test_commands_load_what_they_use() -> None:
    code = """
        import sys
        import lcnn_engine.cli
        lcnn_engine.cli.main(["info"])
        loaded = [name for name in ("PIL", "lcnn_engine.cli.verify", "safetensors") if name in sys.modules]
        sys.exit(loaded or 0)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
