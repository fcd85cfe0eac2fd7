"""A release: what keeps it from being one, and that it ends in a tag."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML; releases are made with a later one")

from release import tag


def git(clone: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that is ready to be released as 1.2.3."""
    for variable in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(variable, "a")
    for variable in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(variable, "a@b")
    (tmp_path / "lcnn_engine").mkdir()
    (tmp_path / "lcnn_engine/__init__.py").write_text('__version__ = "1.2.3"  # a reason\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.3 (2026-05-04)\n\n- It is faster.\n\n## 1.2.2 (2026-01-01)\n"
    )
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    monkeypatch.setattr(tag, "ROOT", tmp_path)
    monkeypatch.setattr(tag, "_built", lambda out, interpreters: True)
    return tmp_path


def test_nothing_against_it(clone: Path) -> None:
    assert tag.objections(clone, "1.2.3") == []


def test_another_version(clone: Path) -> None:
    assert tag.objections(clone, "1.3.0") == [
        "expected lcnn_engine.__version__ to be '1.3.0', got '1.2.3'",
        "expected CHANGELOG.md to begin with '## 1.3.0 (its date)', got '## 1.2.3 (2026-05-04)'",
    ]


def test_no_version(clone: Path) -> None:
    assert tag.objections(clone, "v1")[0] == "expected a version of three numbers, got 'v1'"


def test_changes_without_a_date(clone: Path) -> None:
    path = clone / "CHANGELOG.md"
    path.write_text(path.read_text().replace("2026-05-04", "unreleased"))
    assert tag.objections(clone, "1.2.3") == [
        "expected CHANGELOG.md to begin with '## 1.2.3 (its date)', got '## 1.2.3 (unreleased)'",
        "expected a clean tree, got 1 changes: M CHANGELOG.md ...",
    ]


def test_a_tree_that_is_not_clean(clone: Path) -> None:
    (clone / "new.py").write_text("")
    assert tag.objections(clone, "1.2.3") == ["expected a clean tree, got 1 changes: ?? new.py ..."]


def test_a_tag_that_is_there(clone: Path) -> None:
    git(clone, "tag", "v1.2.3")
    assert tag.objections(clone, "1.2.3") == ["expected no tag v1.2.3 yet, found one"]


def test_it_ends_in_a_tag(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tag.main(["1.2.3"]) == 0
    assert capsys.readouterr().out == "tagged v1.2.3; to publish it: git push origin v1.2.3\n"
    assert git(clone, "tag", "--list", "--format=%(refname:short) %(subject)") == "v1.2.3 lcnn 1.2.3\n"


def test_a_dry_run_does_not(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tag.main(["1.2.3", "--dry-run"]) == 0
    assert tag.main(["1.3.0", "--dry-run"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "would not tag v1.3.0: see above"
    assert git(clone, "tag") == ""


@pytest.mark.parametrize(
    "words", [["--dry-run", "python3.12", "python3.13"], ["python3.12", "python3.13", "--dry-run"]]
)
def test_interpreters_may_stand_before_options_and_behind(
    clone: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tag, "_built", lambda out, interpreters: asked.extend(interpreters) or True)
    assert tag.main(["1.2.3", *words]) == 0
    assert asked == ["python3.12", "python3.13"]


def test_nor_one_with_objections_or_a_build_that_fails(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tag.main(["1.3.0"]) == 1
    monkeypatch.setattr(tag, "_built", lambda out, interpreters: False)
    assert tag.main(["1.2.3"]) == 1
    assert git(clone, "tag") == ""


def test_what_is_built_goes_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "old.whl").write_text("")
    with pytest.raises(SystemExit, match=r"expected .* to be empty, found old\.whl"):
        tag._built(tmp_path, [])
