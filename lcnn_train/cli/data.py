"""`lcnn-train data`: what a configuration's data set holds, which pictures cannot be read, and how fast it comes."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.progress import Progress

from lcnn_train.config.experiment import Config, load_config
from lcnn_train.data.images import Pictures
from lcnn_train.data.pipeline import data_errors, evaluation_batches, hold_out, measure_throughput, training_batches
from lcnn_train.data.sets import load
from lcnn_train.data.survey import describe, scan


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("data", help="list and time the data set of a configuration; find damaged pictures")
    parser.add_argument("config", metavar="CONFIG.yaml", help="or the name of one that comes with the package")
    parser.add_argument("--data", metavar="FOLDER", help="where the data set lies")
    parser.add_argument("--part", choices=("train", "test"), default="train")
    parser.add_argument("--scan", action="store_true", help="decode every picture; status 1 if some cannot be")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to time each (default: 3)")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override a value")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print what was found; 1 if a scan found pictures that cannot be read."""
    config = load_config(parsed.config, parsed.set, parsed.data)
    pictures = load(config.data, parsed.part)
    print(f"{config.data.dataset}, {parsed.part}: {pictures.source}")
    print(describe(pictures))
    if parsed.part == "train":
        print(f"{config.data.validation:,} of them are held out to choose the checkpoint by")
    if parsed.scan:
        return _scan(pictures, config)
    with data_errors(pictures):
        print("\n".join(_times(pictures, config, parsed.part, parsed.seconds)))
    if len(pictures.skipped):
        print(pictures.skipped)
    return 0


def _times(pictures: Pictures, config: Config, part: str, seconds: float) -> list[str]:
    """Pictures a second that come from the pipeline, nothing else being done."""
    preprocessing = config.preprocessing
    engine, shape, batch = preprocessing.for_engine(), preprocessing.input_shape, config.train.batch_size
    workers = config.data.workers
    plain = measure_throughput(evaluation_batches(pictures, engine, shape, batch, workers=workers), seconds)
    lines = [f"{plain:,.0f} pictures a second, read and prepared in batches of {batch}"]
    if part == "train" and config.augment:
        train, _ = hold_out(pictures, config.data.validation, config.train.seed)
        batches = training_batches(
            train, engine, shape, batch, config.train.seed, 0, 1_000_000, config.augment, workers=workers
        )
        lines.append(f"{measure_throughput(batches, seconds):,.0f} pictures a second, augmented as well")
    return lines


def _scan(pictures: Pictures, config: Config) -> int:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("decoding", total=len(pictures))
        scan(pictures, config.preprocessing, lambda: progress.advance(task))
    for name, reason in pictures.skipped:
        print(f"{name}: {reason}")
    found = len(pictures.skipped)
    print(f"{found:,} of {len(pictures):,} pictures cannot be read" if found else "every picture can be read")
    return 1 if found else 0
