"""What one input may take of memory and processor time, and the errors that say what was found of one."""

from __future__ import annotations

import ctypes
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOADING = 64 * 2**20  # bytes that reading a file may take, and ten times the file
FOR_EACH_BYTE = 10
GUARD = 256 * 2**20  # bytes beyond what is allowed at which the system refuses: a bomb must not end the machine
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class FoundError(Exception):
    """An input does what no input may: takes too much, gives other bits, or is refused without a reason."""


def while_loading(data: bytes) -> int:
    """Give the bytes of memory that loading a file may take."""
    return LOADING + FOR_EACH_BYTE * len(data)


class Meter:
    """Watches this process. ``guarded`` False: time alone, for a sanitizer keeps memory of its own."""

    def __init__(self, guarded: bool = True) -> None:
        self._guarded = guarded and STATUS.exists()
        self.peak = 0
        if self._guarded:
            _give_memory_back()

    @contextmanager
    def seconds(self, most: float) -> Iterator[None]:
        """End the process by SIGPROF once it has taken ``most`` processor seconds inside."""
        signal.setitimer(signal.ITIMER_PROF, most)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    @contextmanager
    def memory(self, most: int, doing: str) -> Iterator[None]:
        """Raise FoundError where more than ``most`` bytes were in use inside than before."""
        if not self._guarded:
            yield
            return
        limits = resource.getrlimit(resource.RLIMIT_AS)
        before = _bytes_of("VmRSS")
        allowed = _bytes_of("VmSize") + most + GUARD
        hard = limits[1] if limits[1] != resource.RLIM_INFINITY else allowed
        resource.setrlimit(resource.RLIMIT_AS, (min(allowed, hard), limits[1]))
        REFERENCES.write_text("5", encoding="ascii")  # the peak begins anew
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
            taken = _bytes_of("VmHWM") - before
            self.peak = max(self.peak, taken)
        if taken > most:
            raise FoundError(f"{doing}: expected at most {most} bytes, found {taken}")


def _bytes_of(name: str) -> int:
    for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise LookupError(name)


def _give_memory_back() -> None:
    """Let large pieces go back to the system at once: what is kept would hide what the next input takes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc
    if mallopt is not None:
        for option, value in ((-3, 2**16), (-1, 2**17)):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
            mallopt(option, value)
