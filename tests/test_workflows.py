"""The workflows of continuous integration: they are valid, pinned, and name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML reads the workflows")

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
EACH = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def commands(path: Path) -> Iterator[str]:
    for job in jobs(path).values():
        for step in job["steps"]:
            yield from re.split(r"\n|&&|\|\|", step.get("run", ""))


def test_there_are_workflows() -> None:
    assert {"checks.yml", "wheels.yml"} <= {path.name for path in WORKFLOWS}


@EACH
def test_valid(path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="the package check-jsonschema brings GitHub's schema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


@EACH
def test_actions_are_pinned_to_a_commit_and_say_its_version(path: Path) -> None:
    used = re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@EACH
def test_nothing_may_write_but_what_says_so(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    allowed = {name: job["permissions"] for name, job in jobs(path).items() if "permissions" in job}
    assert allowed == ({"publish": {"id-token": "write"}} if path.name == "wheels.yml" else {})


@EACH
def test_every_job_ends(path: Path) -> None:
    assert [name for name, job in jobs(path).items() if not 0 < job["timeout-minutes"] <= 180] == []


@EACH
def test_named_targets_files_and_jobs_exist(path: Path) -> None:
    missing = []
    for command in commands(path):
        words = command.split()
        if words[:1] == ["make"]:
            missing += [word for word in words[1:] if "=" not in word and word not in TARGETS]
        named = [word for word in words if re.fullmatch(r"\.?[\w-]+(/[\w.-]+)+", word)]
        missing += [word for word in named if word.split("/")[0] != "dist" and not (ROOT / word).exists()]
        if words[:2] == ["python", "-m"] and words[2].startswith("release"):
            missing += [words[2]] if not (ROOT / words[2].replace(".", "/")).with_suffix(".py").exists() else []
    for job in jobs(path).values():
        missing += [name for name in job.get("needs", []) if name not in jobs(path)]
    assert not missing


def test_a_tag_alone_publishes_and_after_everything_else() -> None:
    publish = jobs(ROOT / ".github/workflows/wheels.yml")["publish"]
    assert publish["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert set(publish["needs"]) == jobs(ROOT / ".github/workflows/wheels.yml").keys() - {"publish"}


def test_wheels_are_built_for_every_python_and_both_c_libraries() -> None:
    pytest.importorskip("cibuildwheel", reason="the package cibuildwheel reads its own configuration")
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--platform", "linux"]
    done = subprocess.run(
        [*command, "--archs", "x86_64,aarch64"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    pythons = ["cp310", "cp311", "cp312", "cp313", "cp314", "cp314t"]
    expected = {f"{p}-{c}linux_{m}" for p in pythons for c in ("many", "musl") for m in ("x86_64", "aarch64")}
    assert set(done.stdout.split()) == expected, done.stderr
