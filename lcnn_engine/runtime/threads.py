"""How many threads a network may use."""

from __future__ import annotations

import os
from functools import lru_cache
from numbers import Integral
from pathlib import Path

from ..errors import SettingError
from ..kernels import MAX_THREADS

__all__ = ["checked_threads", "default_threads"]


def checked_threads(threads: int | None) -> int:
    """Check ``threads``, an integer (also of NumPy) from 1 to 256; None means :func:`default_threads`.

    Raises SettingError.
    """
    if threads is None:
        return default_threads()
    if isinstance(threads, bool) or not isinstance(threads, Integral) or not 1 <= threads <= MAX_THREADS:
        raise SettingError(
            f"expected threads to be an integer from 1 to {MAX_THREADS}, or None for all cores, got {threads!r}"
        )
    return int(threads)


@lru_cache(maxsize=1)
def default_threads() -> int:
    """Count the physical cores that this process may use: within its affinity, and within its control group's quota."""
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_core_of(cpu) for cpu in cpus}
    return max(1, min(len(cores), _quota(), MAX_THREADS))


def _core_of(cpu: int) -> str:
    """Read what the threads of one physical core have in common."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _quota() -> int:
    """Count the whole processors that the control group (version 2 or 1) allows."""
    try:
        group = Path("/proc/self/cgroup").read_text().splitlines()[-1].split(":", 2)[2].lstrip("/")
    except (OSError, IndexError):
        return MAX_THREADS
    allowed = MAX_THREADS
    for folder in (Path("/sys/fs/cgroup") / group, *(Path("/sys/fs/cgroup") / group).parents):
        if not folder.is_relative_to("/sys/fs/cgroup"):
            break
        allowed = min(allowed, _quota_of(folder))
    return min(allowed, _quota_of_version_1(Path("/sys/fs/cgroup/cpu")))


def _quota_of(folder: Path) -> int:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return MAX_THREADS if quota == "max" else max(1, int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return MAX_THREADS


def _quota_of_version_1(folder: Path) -> int:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return MAX_THREADS if quota <= 0 else max(1, quota // int((folder / "cpu.cfs_period_us").read_text()))
    except (OSError, ValueError, ZeroDivisionError):
        return MAX_THREADS
