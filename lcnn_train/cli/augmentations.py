"""`lcnn-train augmentations`: every augmentation, drawn on images of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from lcnn_train.cli.options import Commands


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("augmentations", help="draw what each augmentation makes of some images")
    parser.add_argument("output", metavar="OUT.png")
    parser.add_argument("images", metavar="IMAGE", nargs="+")
    parser.add_argument("--draws", type=int, default=5, help="of each augmentation (default: 5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Write the drawing."""
    from lcnn_train.data.drawing import draw_augmentations
    from lcnn_train.utils.files import write_atomically

    output = Path(parsed.output)
    drawing = draw_augmentations(parsed.images, parsed.draws, parsed.seed)
    write_atomically(output, lambda temporary: drawing.save(temporary, "PNG", optimize=True))
    print(f"{output}: {drawing.width} x {drawing.height}")
    return 0
