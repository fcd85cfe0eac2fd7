"""`lcnn-train pack`: a data set as TFRecord files."""

from __future__ import annotations

import argparse

from lcnn_train.cli.options import Commands
from lcnn_train.config.names import DATASETS


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("pack", help="write a data set as TFRecord files, as ImageNet's usual ones")
    parser.add_argument("folder", metavar="FOLDER", help="with class folders, or with IDX files")
    parser.add_argument("output", metavar="OUT", help="folder for the files, made if need be")
    parser.add_argument("--dataset", choices=DATASETS, default="folder")
    parser.add_argument("--part", choices=("train", "test"), default="train")
    parser.add_argument("--shards", type=int, metavar="N", help="number of files (default: one for 1,250 images)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Write the files, and name what was left out."""
    from lcnn_engine.utils.text import counted
    from lcnn_train.config.data import Data
    from lcnn_train.data.pack import pack
    from lcnn_train.data.sets import load

    images = load(Data(dataset=parsed.dataset, folder=parsed.folder), parsed.part)
    paths = pack(images, parsed.output, parsed.part, parsed.shards)
    done = len(images) - len(images.skipped)
    print(f"{paths[0].parent}: {counted(done, 'image')} in {counted(len(paths), 'file')}, from {paths[0].name} on")
    if len(images.skipped):
        print(images.skipped)
    return 0
