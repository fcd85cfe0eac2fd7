"""`lcnn-train launch`: fit with several workers on this machine."""

from __future__ import annotations

import argparse

from lcnn_train.cli import fit
from lcnn_train.cli.options import Commands


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("launch", help="fit with several workers on this machine")
    fit.add_arguments(parser)
    parser.add_argument("--workers", type=_count, required=True, metavar="N", help="how many")
    parser.add_argument(
        "--restarts",
        type=_count,
        default=0,
        metavar="N",
        help="start all again, from the last checkpoint, so often after one died (default: never)",
    )
    parser.add_argument("--gpus-per-worker", type=_count, metavar="N", help="GPUs for each (default: all see all)")
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found {text!r}")
    return int(text)


def run(parsed: argparse.Namespace) -> int:
    """Run the workers; the status of the first that failed, or 0."""
    from lcnn_train.training.launch import fit_command, launch

    _, folder = fit.chosen(parsed)  # what is wrong with the configuration is said here, once
    arguments = [parsed.config, "--run", str(folder)]
    if parsed.data:
        arguments += ["--data", parsed.data]
    arguments += ["--trust"] if parsed.trust else []
    for override in parsed.set:
        arguments += ["--set", override]
    return launch(fit_command(arguments), parsed.workers, folder / "logs", parsed.restarts, parsed.gpus_per_worker)
