"""Options that several commands take, and the configuration and data set that they name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lcnn_train.errors import ConfigError

if TYPE_CHECKING:
    from lcnn_train.config.data import Data
    from lcnn_train.config.experiment import Config

Commands = argparse._SubParsersAction  # of ArgumentParser: what a command's `add` is given
DATA_HELP = "folder of the data set (default: where Keras or Debian put it)"
CONFIG_HELP = "or the name of one that comes with the package"


def add_set(parser: argparse.ArgumentParser, what: str = "override a value") -> None:
    """Add --set; load_config takes what it gives."""
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help=what)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add --trust, for commands that may load a `.keras` file; `main` goes by it."""
    what = "let .keras files run code of their own, as Lambda layers do: only those of whom you would run programs"
    parser.add_argument("--trust", action="store_true", help=what)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add --checkpoint, for commands that take a run folder."""
    parser.add_argument("--checkpoint", choices=("best", "newest"), default="best", help="of a run")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add --config, --checkpoint and --set: what a run folder or a `.keras` file is loaded by."""
    parser.add_argument(
        "--config",
        metavar="CONFIG.yaml",
        help="what a .keras file was trained by; a run, and what was exported of one, know their own",
    )
    add_checkpoint(parser)
    add_set(parser)


def own_config(parsed: argparse.Namespace) -> Config | None:
    """Read the configuration that --config names; None without one. Raises ConfigError for a --set without it."""
    from lcnn_train.config.experiment import load_config

    if parsed.config is None:
        if parsed.set:
            raise ConfigError("--set needs a --config to change")
        return None
    return load_config(parsed.config, parsed.set)


def needed_config(config: Config | None, command: str) -> Config:
    """Return the configuration. Raises ConfigError, naming the `command` that needs it, if there is none."""
    if config is None:
        raise ConfigError(f"{command} of a .keras file needs --config: this one does not say how images are prepared")
    return config


def data_of(parsed: argparse.Namespace, config: Config | None) -> Data:
    """Return the data set of a configuration, but for what the command line says of it."""
    from lcnn_train.config.data import Data

    given = {"dataset": getattr(parsed, "dataset", None), "folder": parsed.data}
    known = config.data if config else Data()
    return known.model_copy(update={key: value for key, value in given.items() if value is not None})
