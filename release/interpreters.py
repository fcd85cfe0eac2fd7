"""The interpreters that wheels are for: what they are, asked of themselves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Interpreter", "ask"]

_QUESTION = """
import json, sys, sysconfig
version = "".join(map(str, sys.version_info[:2]))
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:2])),
    "abi": f"cp{version}{getattr(sys, 'abiflags', '')}",
    "machine": sysconfig.get_platform().rpartition("-")[2],
}))
"""


class Interpreter(NamedTuple):
    """A CPython: the command that runs it, such as ``3.13``, ``cp313`` and ``x86_64``."""

    command: tuple[str, ...]
    version: str
    abi: str
    machine: str

    def extension_suffix(self, machine: str) -> str:
        """End of the name of an extension module for this CPython on Linux, on ``machine``."""
        return f".cpython-{self.abi.removeprefix('cp')}-{machine}-linux-gnu.so"


def ask(command: Sequence[str]) -> Interpreter:
    """Ask an interpreter what it is; ``command`` may begin with an emulator. Raises SystemExit where none runs."""
    try:
        asked = subprocess.run([*command, "-I", "-c", _QUESTION], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        found = getattr(error, "stderr", "") or str(error)
        raise SystemExit(f"expected a Python interpreter as {' '.join(command)!r}, got {found.strip()}") from None
    return Interpreter(tuple(command), **json.loads(asked.stdout))
