"""`lcnn-train compress`: a trained Keras model and a folder of images to a faster model file, with a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from lcnn_train.cli.options import CONFIG_HELP, Commands, add_set
from lcnn_train.config.names import DATASETS


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("compress", help="make a trained Keras model smaller and faster, with a report")
    parser.add_argument("model", metavar="MODEL", help=".keras file, or run folder")
    parser.add_argument("--data", metavar="FOLDER", help="folder of class folders, or another that fit takes")
    parser.add_argument("--dataset", choices=DATASETS, help="default: the model's own, or what --data holds")
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("--budget", type=float, metavar="SHARE", help="of its multiplications (default: 0.3)")
    goal.add_argument("--milliseconds", type=float, metavar="MS", help="that one image may take on one core, instead")
    parser.add_argument("--output", metavar="FOLDER", help="default: MODEL-compressed; the same goes on")
    parser.add_argument("--epochs", type=int, default=20, help="of fine-tuning (default: %(default)s)")
    parser.add_argument("--groups-of", type=int, default=1, metavar="N", help="filters that share indices (default: 1)")
    parser.add_argument("--config", metavar="CONFIG.yaml", help=f"whose data and preprocessing hold, {CONFIG_HELP}")
    add_set(parser, "override a value of the run's configuration")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Compress; print the report and where it is."""
    from lcnn_train.convert.compression.compress import compress

    made = compress(
        parsed.model,
        parsed.data,
        budget=parsed.budget,
        milliseconds=parsed.milliseconds,
        output=parsed.output or f"{Path(parsed.model).stem}-compressed",
        dataset=parsed.dataset,
        config=parsed.config,
        groups_of=parsed.groups_of,
        epochs=parsed.epochs,
        overrides=parsed.set,
    )
    print((made.folder / "report.md").read_text(encoding="utf-8"))
    print(f"{made.file}: {made.file.stat().st_size:,} bytes; the report is {made.folder / 'report.md'}")
    return 0
