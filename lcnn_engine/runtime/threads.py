"""How many threads a network may use."""

from __future__ import annotations

import os
from functools import lru_cache
from numbers import Integral
from pathlib import Path

from ..errors import SettingError
from ..kernels import MAX_THREADS
from .control_groups import processors_allowed

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


def default_threads() -> int:
    """Count the physical cores that this process may use: within its affinity, and within its control groups' quota."""
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return _usable_cores(frozenset(cpus))


@lru_cache(maxsize=4)
def _usable_cores(cpus: frozenset[int]) -> int:
    """Count them once for each affinity, which a worker may set for itself after the engine has been imported."""
    cores = {_core_of(cpu) for cpu in cpus}
    return max(1, min(len(cores), processors_allowed() or MAX_THREADS, MAX_THREADS))


def _core_of(cpu: int) -> str:
    """Read what the threads of one physical core have in common."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)
