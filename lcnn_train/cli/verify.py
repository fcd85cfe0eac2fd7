"""`lcnn-train verify`: a model file beside the Keras model that it came from, at every node."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lcnn_train.cli.messages import complain
from lcnn_train.cli.options import Commands, add_checkpoint
from lcnn_train.errors import ConfigError, VerificationError

if TYPE_CHECKING:
    import keras

    from lcnn_train.export.whole_way import Pipeline


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "verify",
        help="a model file beside the Keras model that it came from",
        description="Compare the engine with Keras in float64 at every node, on images or on seeded noise. "
        "1 if they differ by more than rounding, or if the file is of another model.",
    )
    parser.add_argument("model", metavar="MODEL", help="run folder or .keras file")
    parser.add_argument("file", metavar="FILE", help=".safetensors model file that was exported of it")
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="image to compare on (default: seeded noise)")
    parser.add_argument(
        "--inputs",
        metavar="ARRAY.npy",
        help="what training made of these images, (N, H, W, C): compare the whole way from image to answer, too",
    )
    add_checkpoint(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Print what is to be said of every node; 1 if engine and Keras differ."""
    from lcnn_engine import read_model
    from lcnn_engine.images.inputs import inputs, read_arrays
    from lcnn_train.sources.load import load_model

    graph = read_model(parsed.file)[0]
    pipeline = None
    if parsed.inputs is not None:
        if not parsed.images:
            raise ConfigError("--inputs: expected the images, too, that these arrays were made of, in the same order")
        arrays = read_arrays(parsed.inputs, len(parsed.images))
        pipeline = lambda _: arrays  # noqa: E731  # what training did is done
    images = parsed.images or inputs(graph, [])
    return report(load_model(parsed.model, None, parsed.checkpoint).model, parsed.file, images, pipeline)


def report(model: keras.Model, file: Any, images: Any, pipeline: Pipeline | None = None) -> int:
    """Verify a file and print the result; 1 if engine and Keras differ, which is complained of."""
    from lcnn_train.export.verify import verify

    try:
        print(verify(model, file, images, pipeline=pipeline))
    except VerificationError as error:
        complain(error)
        return 1
    return 0
