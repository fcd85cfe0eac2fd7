"""`lcnn-train data`: what a configuration's data set holds, which images cannot be read, and how fast it comes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lcnn_train.cli.options import CONFIG_HELP, Commands, add_set

if TYPE_CHECKING:
    from lcnn_train.config.experiment import Config
    from lcnn_train.data.images import Images


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("data", help="list and time the data set of a configuration; find damaged images")
    parser.add_argument("config", metavar="CONFIG.yaml", help=CONFIG_HELP)
    parser.add_argument("--data", metavar="FOLDER", help="where the data set lies")
    parser.add_argument("--part", choices=("train", "test"), default="train")
    parser.add_argument("--scan", action="store_true", help="decode every image; status 1 if some cannot be")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to time each (default: 3)")
    add_set(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print what was found; 1 if a scan found images that cannot be read."""
    from lcnn_train.config.experiment import load_config
    from lcnn_train.data.pipeline import data_errors
    from lcnn_train.data.sets import load
    from lcnn_train.data.survey import describe, describe_throughput

    config = load_config(parsed.config, parsed.set, parsed.data)
    images = load(config.data, parsed.part)
    print(f"{config.data.dataset}, {parsed.part}: {images.source}")
    print(describe(images))
    if parsed.part == "train":
        print(f"{config.data.validation:,} of them are held out to choose the checkpoint by")
    if parsed.scan:
        return _scan(images, config)
    with data_errors(images):
        print(describe_throughput(images, config, parsed.part, parsed.seconds))
    if len(images.skipped):
        print(images.skipped)
    return 0


def _scan(images: Images, config: Config) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from lcnn_train.data.survey import scan

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("decoding", total=len(images))
        scan(images, config.preprocessing, lambda: progress.advance(task))
    for name, reason in images.skipped:
        print(f"{name}: {reason}")
    found = len(images.skipped)
    print(f"{found:,} of {len(images):,} images cannot be read" if found else "every image can be read")
    return 1 if found else 0
