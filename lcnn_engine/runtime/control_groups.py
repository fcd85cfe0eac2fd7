"""What the control groups of this process leave it of the processors: a container's ``--cpus``, a unit's ``CPUQuota``.

Both versions of control groups state a quota of processor time for each period, for a group and all groups in it. Which
groups a process is in is in ``/proc/self/cgroup``; where they can be read is in ``/proc/self/mountinfo``, since a
container may see its own group as the root of all, or the machine's whole tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

__all__ = ["processors_allowed"]

UNIFIED = ""  # what stands for the controllers in version 2, where all are in one tree


def processors_allowed(process: Path = Path("/proc/self")) -> int | None:
    """Count the whole processors that the tightest group allows, at least 1; None where there is no quota.

    ``process``: the folder of this process in /proc. Halves are not counted: a thread for one would have the others
    wait while it is kept from running.
    """
    quotas = [quota for folder in _folders(process) if (quota := _quota_of(folder)) is not None]
    return max(1, int(min(quotas))) if quotas else None


def _folders(process: Path) -> Iterator[Path]:
    """Find the groups that bound the time of this process, each with those that it lies in."""
    try:
        groups, mounts = (
            (process / name).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            for name in ("cgroup", "mountinfo")
        )
        paths: dict[str | None, str] = dict(_paths(groups))
    except (OSError, ValueError):
        return
    for line in mounts:
        mount, _, system = line.partition(" - ")
        _, _, _, root, top = (mount.split() + [""] * 5)[:5]
        path = paths.get(_controller(*(system.split() + [""] * 3)[:3]))
        if top and path is not None:
            folder = Path(top) / _below(root, path)
            yield from (inner for inner in (folder, *folder.parents) if inner.is_relative_to(top))


def _controller(kind: str, _: str, options: str) -> str | None:
    """Name the controller of processor time that a file system shows: its kind, source and options; None for none."""
    if kind == "cgroup2":
        return UNIFIED
    return "cpu" if kind == "cgroup" and "cpu" in options.split(",") else None


def _paths(groups: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Read lines ``number:controllers:path``: each controller, and the path of its group."""
    for line in groups:
        _, controllers, path = line.split(":", 2)
        yield from ((controller, path) for controller in controllers.split(","))


def _below(root: str, path: str) -> PurePosixPath:
    """Give ``path`` as seen from ``root``, the group that is mounted; a group outside of it cannot be read."""
    group = PurePosixPath(path)
    inside = group.is_relative_to(root) and ".." not in group.parts
    return group.relative_to(root) if inside else PurePosixPath()


def _quota_of(folder: Path) -> float | None:
    """Read the quota of a group, in processors; None where it states none."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
