"""`lcnn-train fit`: train the model of a configuration, or go on training it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lcnn_train.cli.options import CONFIG_HELP, DATA_HELP, Commands, add_set

if TYPE_CHECKING:
    from lcnn_train.config.experiment import Config


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("fit", help="train the model of a configuration, or go on training it")
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which training, and where."""
    parser.add_argument("config", metavar="CONFIG.yaml", help=CONFIG_HELP)
    parser.add_argument("--run", dest="folder", metavar="FOLDER", help="run folder (default: runs/NAME)")
    parser.add_argument("--data", metavar="FOLDER", help=DATA_HELP)
    add_set(parser)


def chosen(parsed: argparse.Namespace) -> tuple[Config, Path]:
    """Read the configuration, and find the run folder, that the arguments name."""
    from lcnn_train.config.experiment import load_config

    config = load_config(parsed.config, parsed.set, parsed.data)
    return config, Path(parsed.folder or Path("runs") / config.name)


def run(parsed: argparse.Namespace) -> int:
    """Train; say how far it has come."""
    from lcnn_train.training.fit import fit

    config, folder = chosen(parsed)
    progress = fit(config, folder)
    best = f"best validation accuracy {progress.best_accuracy:.4f} in epoch {progress.best_epoch}"
    early = f" of {config.train.epochs}, ended by train.early_stop" if progress.epoch < config.train.epochs else ""
    print(
        f"{folder}: {progress.epoch} epochs done{early}; {best if progress.best_epoch else 'none that can be the best'}"
    )
    return 0
