"""The command ``lcnn``: predict, look into a model, verify it, profile it, time it.

Exit status: 0 done; 1 a check failed; 2 bad input or usage. Errors are one line each on the standard error, never a
traceback. Each command is a file of its own, imported when it is asked for.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import __version__
from ..errors import LcnnError
from ..text import complain, message_of, note

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a label in another script must not end the program on a plain terminal
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return BAD_INPUT
    return _finished(_status_of(options))


def _status_of(options: argparse.Namespace) -> int:
    """Run the command; every error of ours or of the system becomes a line."""
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lcnn", description="Lookup-based convolutional neural networks on a CPU.",
        epilog="exit status: 0 done, 1 a check failed, 2 bad input",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"lcnn {__version__}", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    predict = commands.add_parser("predict", help="classify pictures", description="Classify pictures.")
    _add_model(predict)
    predict.add_argument("images", metavar="IMAGE", nargs="+", help="picture, in any format that Pillow reads")
    predict.add_argument("--top", metavar="N", type=_positive, default=3, help="classes a picture (default: 3)")
    _add_json(predict)
    _add_threads(predict)
    info = commands.add_parser(
        "info", help="what a model consists of, or what kernels this machine uses",
        description="What a model consists of: shapes, atoms, lookups, multiplications, bytes of every node. "
        "Without a model: the kernels and the BLAS in use.",
    )  # fmt: skip
    _add_model(info, optional=True)
    _add_json(info)
    verify = commands.add_parser(
        "verify", help="compare the kernels with the NumPy reference",
        description="Compare the kernels with the NumPy reference, node by node, on pictures or on seeded noise.",
    )  # fmt: skip
    _add_model(verify)
    verify.add_argument("images", metavar="IMAGE", nargs="*", help="picture to compare on (default: seeded noise)")
    verify.add_argument("--all-isa", action="store_true", help="every kernel variant that this processor can run")
    _add_json(verify)
    _add_threads(verify)
    profile = commands.add_parser(
        "profile", help="where the time of a prediction goes",
        description="The median time of every kernel call, on a picture or on seeded noise.",
    )  # fmt: skip
    _add_model(profile)
    profile.add_argument("image", metavar="IMAGE", nargs="?", help="picture to time on (default: seeded noise)")
    profile.add_argument("--runs", metavar="N", type=_positive, default=50, help="runs to time (default: 50)")
    profile.add_argument("--no-dense", action="store_true", help="leave out the dense twin: less time and memory")
    profile.add_argument("--trace", metavar="FILE", help="write trace events for chrome://tracing or ui.perfetto.dev")
    profile.add_argument("--plot", metavar="FILE", help="draw the steps on a time axis, as .png or .svg")
    _add_json(profile)
    _add_threads(profile)
    bench = commands.add_parser(
        "bench", help="how long loading and predicting take",
        description="Time to load, of the first prediction and of many, on a picture or on seeded noise.",
    )  # fmt: skip
    _add_model(bench)
    bench.add_argument("image", metavar="IMAGE", nargs="?", help="picture to predict (default: seeded noise)")
    bench.add_argument("--batch", metavar="N", type=_positive, default=1, help="pictures a prediction (default: 1)")
    bench.add_argument(
        "--warmup", metavar="N", type=_natural, default=10, help="predictions before those that count (default: 10)"
    )
    bench.add_argument("--runs", metavar="N", type=_positive, default=200, help="predictions to time (default: 200)")
    _add_json(bench)
    _add_threads(bench)
    return parser


def _add_model(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?" if optional else None, help="model file (*.safetensors)")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", metavar="N", type=_positive, help="cores to use (default: all)")


def _positive(text: str) -> int:
    return _at_least(1, text)


def _natural(text: str) -> int:
    return _at_least(0, text)


def _at_least(low: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if number < low:
        raise argparse.ArgumentTypeError(f"expected an integer of at least {low}, got {text!r}")
    return number
