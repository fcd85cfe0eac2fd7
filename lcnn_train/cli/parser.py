"""What `lcnn-train` takes: its commands, each of which adds its own arguments and the function that runs it."""

from __future__ import annotations

import argparse

from lcnn_train.cli import (
    augmentations,
    compress,
    count,
    data,
    density,
    dictionaries,
    evaluate,
    export,
    few_iteration,
    few_shot,
    fit,
    launch,
    pack,
    plot,
    verify,
)
from lcnn_train.cli.options import add_trust

_COMMANDS = (
    fit, launch, compress, plot, evaluate, density, count, export, verify, dictionaries, data, pack, augmentations,
    few_shot, few_iteration,
)  # fmt: skip
_WITHOUT_MODELS = ("plot", "data", "pack", "augmentations")


def parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line; what it parsed has `run`, the command's function of it."""
    whole = argparse.ArgumentParser(prog="lcnn-train", description="Train lookup-based convolutional networks.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    for name, command_parser in commands.choices.items():
        if name not in _WITHOUT_MODELS:
            add_trust(command_parser)
    return whole
