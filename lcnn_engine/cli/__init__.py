"""The command ``lcnn``: predict, look into a model, verify it, profile it, time it.

Exit status: 0 done; 1 a check failed; 2 bad input or usage. Errors are one line each on the standard error, never a
traceback. Each command is a file of its own, imported when it is asked for.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from ..errors import LcnnError
from ..utils.text import complain, message_of, note
from .parser import parser

__all__ = ["main"]

DONE, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 2, 130, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and give its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a label in another script must not end the program on a plain terminal
            stream.reconfigure(errors="backslashreplace")
    if os.getpid() == 1:  # of a container: for it alone SIGTERM does nothing by itself
        signal.signal(signal.SIGTERM, _terminated)
    commands = parser()
    options = commands.parse_args(arguments)
    if options.command is None:
        commands.print_help(sys.stderr)
        return BAD_INPUT
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of an image that is damaged or large we say it ourselves
        return _finished(_status_of(options))


def _terminated(*_: object) -> NoReturn:
    sys.exit(TERMINATED)


def _status_of(options: Namespace) -> int:
    """Run the command; make every error of ours or of the system a line."""
    try:
        return int(import_module(f"{__name__}.{options.command}").run(options))
    except BrokenPipeError:  # whoever reads us has seen enough
        return DONE
    except (LcnnError, OSError) as error:
        complain(message_of(error))
    except MemoryError:
        complain("out of memory")
    except KeyboardInterrupt:
        note("")
        return INTERRUPTED
    return BAD_INPUT


def _finished(status: int) -> int:
    """Write out what is still buffered; what cannot be written is dropped, or Python would complain when it ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            complain(message_of(error))
            return BAD_INPUT
    return status
