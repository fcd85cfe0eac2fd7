"""`lcnn-train`: fit, evaluate, density and export from a shell.

Exit status: 0 done, 2 bad input (one line on standard error, no traceback), 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lcnn_engine.errors import LcnnError

from lcnn_train.config import Config, load_config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (LcnnError, OSError) as error:
        print(f"lcnn-train: {_message(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lcnn-train: interrupted", file=sys.stderr)
        return 130


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lcnn-train", description="Train lookup-based convolutional networks.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="train the model of a configuration, or go on training it")
    fit.add_argument("config", metavar="CONFIG.yaml")
    fit.add_argument("--run", dest="folder", metavar="FOLDER", help="run folder (default: runs/NAME)")
    fit.add_argument("--data", metavar="FOLDER", help="folder with the IDX files (default: where Keras or Debian put them)")
    fit.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override a value")
    fit.set_defaults(run=_fit)
    return parser


def _config(parsed: argparse.Namespace) -> Config:
    overrides = list(parsed.set)
    if parsed.data is not None:
        overrides.append(f"data.folder={parsed.data!r}")
    return load_config(parsed.config, overrides)


def _fit(parsed: argparse.Namespace) -> int:
    from lcnn_train.train import fit

    config = _config(parsed)
    folder = Path(parsed.folder or Path("runs") / config.name)
    progress = fit(config, folder)
    print(
        f"{folder}: {progress.epoch} epochs done; best validation accuracy {progress.best_accuracy:.4f} "
        f"in epoch {progress.best_epoch}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
