"""Quotas of control groups: both versions, seen from the machine, from a container and from a container's container."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lcnn_engine.runtime.control_groups import processors_allowed
from tests.helpers.interpreters import ROOT

V1_OF_THIS_MACHINE = Path("/sys/fs/cgroup/cpu")


class Machine:
    """Folders as /proc/self and /sys/fs/cgroup have them."""

    def __init__(self, folder: Path) -> None:
        self.process, self.tree = folder / "proc", folder / "cgroup"
        self.process.mkdir()
        self.tree.mkdir()
        self.mounts = [f"22 1 0:20 / {folder} rw,relatime - ext4 /dev/vda rw"]

    def mount(self, kind: str, options: str = "rw", root: str = "/", at: str = "") -> None:
        (self.tree / at).mkdir(exist_ok=True)
        self.mounts.append(f"31 22 0:28 {root} {self.tree / at} rw,nosuid shared:9 - {kind} {kind} {options}")

    def group(self, path: str, files: Mapping[str, str]) -> None:
        (self.tree / path).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.tree / path / name).write_text(f"{text}\n")

    def allowed(self, *groups: str) -> int | None:
        (self.process / "mountinfo").write_text("\n".join(self.mounts) + "\n")
        (self.process / "cgroup").write_text("".join(f"{line}\n" for line in groups))
        return processors_allowed(self.process)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def v1(quota: int, period: int = 100_000) -> dict[str, str]:
    return {"cpu.cfs_quota_us": str(quota), "cpu.cfs_period_us": str(period)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", None), ("250000 100000", 2), ("50000 100000", 1), ("400000 100000", 4), ("80000 20000", 4),
        ("1 0", None), ("", None), ("300000", None), ("many 100000", None), ("-1 100000", None),
    ],
)  # fmt: skip
def test_version_2(machine: Machine, text: str, expected: int | None) -> None:
    machine.mount("cgroup2")
    machine.group("app.slice", {"cpu.max": text})
    assert machine.allowed("0::/app.slice") == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", None), ("0", None), ("300000", 3), ("20000", 1), ("odd", None)])
def test_version_1(machine: Machine, quota: str, expected: int | None) -> None:
    machine.mount("cgroup", "rw,cpu,cpuacct", at="cpu,cpuacct")
    machine.group("cpu,cpuacct/app", {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": "100000"})
    assert machine.allowed("4:cpu,cpuacct:/app", "3:memory:/elsewhere", "0::/") == expected


def test_the_tightest_group_on_the_way_up_counts(machine: Machine) -> None:
    machine.mount("cgroup2")
    machine.group("pods", {"cpu.max": "600000 100000"})
    machine.group("pods/pod", {"cpu.max": "300000 100000"})
    machine.group("pods/pod/app", {"cpu.max": "max 100000"})
    machine.group("pods/other", {"cpu.max": "100000 100000"})
    assert machine.allowed("0::/pods/pod/app") == 3
    assert machine.allowed("0::/pods") == 6


def test_a_container_that_sees_its_group_as_the_root(machine: Machine) -> None:
    """In a control group namespace: the path is / and so is the root."""
    machine.mount("cgroup2")
    machine.group("", {"cpu.max": "200000 100000"})
    assert machine.allowed("0::/") == 2


@pytest.mark.parametrize("kind", ["cgroup", "cgroup2"])
def test_a_container_that_is_told_its_path_on_the_machine(machine: Machine, kind: str) -> None:
    """Without a namespace: the group is mounted, and paths are those of the machine."""
    machine.mount(kind, "rw,cpu", root="/docker/0123")
    machine.group("", v1(200_000) if kind == "cgroup" else {"cpu.max": "200000 100000"})
    machine.group("inner", v1(100_000) if kind == "cgroup" else {"cpu.max": "100000 100000"})
    line = "2:cpu:" if kind == "cgroup" else "0::"
    assert machine.allowed(f"{line}/docker/0123") == 2
    assert machine.allowed(f"{line}/docker/0123/inner") == 1
    assert machine.allowed(f"{line}/docker/01234") == 2


def test_a_group_outside_of_the_namespace_is_none_of_the_mounted(machine: Machine) -> None:
    machine.mount("cgroup2")
    machine.group("", {"cpu.max": "200000 100000"})
    (machine.tree.parent / "outside").mkdir()
    (machine.tree.parent / "outside/cpu.max").write_text("100000 100000\n")
    assert machine.allowed("0::/../outside") == 2


def test_both_versions_at_once(machine: Machine) -> None:
    """The controller is in one of the two trees; the other has no such files."""
    machine.mount("cgroup", "rw,cpu", at="cpu")
    machine.mount("cgroup", "rw,cpuset", at="cpuset")
    machine.mount("cgroup2", at="unified")
    machine.group("cpu/app", v1(300_000))
    machine.group("cpuset/app", v1(100_000))
    machine.group("unified/app", {"cgroup.procs": "1"})
    assert machine.allowed("2:cpu:/app", "1:cpuset:/app", "0::/app") == 3


@pytest.mark.parametrize("groups", [(), ("",), ("no colons",), ("0:",), ("5:memory:/",)])
def test_what_says_nothing_is_no_quota(machine: Machine, groups: tuple[str, ...]) -> None:
    machine.mount("cgroup2")
    machine.group("", {"cpu.max": "100000 100000"})
    assert machine.allowed(*groups) is None


@pytest.mark.parametrize("line", ["", "-", "31 22 - cgroup2", "31 22 0:28 / - cgroup2 cgroup2 rw"])
def test_mounts_that_are_cut_off_are_passed_over(machine: Machine, line: str) -> None:
    machine.mounts = [line]
    assert machine.allowed("0::/") is None


def test_no_proc_is_no_quota(tmp_path: Path) -> None:
    assert processors_allowed(tmp_path) is None


@pytest.mark.skipif(not os.access(V1_OF_THIS_MACHINE / "tasks", os.W_OK), reason="no control group can be made here")
@pytest.mark.parametrize(("quota", "expected"), [(100_000, 1), (150_000, 1), (-1, None)])
def test_a_real_group(quota: int, expected: int | None) -> None:
    group = V1_OF_THIS_MACHINE / f"lcnn-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.cfs_quota_us").write_text(str(quota))
        code = (
            f"open({str(group / 'tasks')!r}, 'w').write('0')\n"
            "from lcnn_engine.runtime.control_groups import processors_allowed\n"
            "print(processors_allowed())"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
        assert run.stdout.strip() == str(expected), run.stderr
    finally:
        group.rmdir()
