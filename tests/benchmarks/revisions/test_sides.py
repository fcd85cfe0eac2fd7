"""The two trees: a commit that is checked out and built, and this one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.revisions import sides
from benchmarks.revisions.sides import SideError
from benchmarks.utils import machine


def _in_git() -> bool:
    return subprocess.run(["git", "-C", machine.ROOT, "rev-parse", "HEAD"], capture_output=True).returncode == 0


@pytest.mark.skipif(not _in_git(), reason="needs the project's repository")
def test_a_commit_is_checked_out_built_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []
    monkeypatch.setattr(sides, "build", built.append)
    with sides.checkout("HEAD") as tree:
        assert built == [tree]
        assert (tree / "lcnn_engine" / "__init__.py").exists()
    assert not tree.exists()
    assert str(tree) not in sides._git("worktree", "list")


def test_building_runs_setup_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("import sys, pathlib; pathlib.Path('built').write_text(' '.join(sys.argv[1:]))")
    sides.build(tmp_path)
    assert (tmp_path / "built").read_text() == "-q build_clib build_ext --inplace"
    (tmp_path / "setup.py").write_text("raise SystemExit('no compiler')")
    with pytest.raises(SideError, match="no compiler"):
        sides.build(tmp_path)
