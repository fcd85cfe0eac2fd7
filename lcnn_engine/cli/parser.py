"""What the command ``lcnn`` takes: its commands, their arguments and options."""

from __future__ import annotations

import argparse
from typing import Any

from .. import __version__
from ..model.graph import MAX_BYTES
from ..model.work import MAX_MULTIPLICATIONS
from ..runtime.precision import FASTEST, PRECISIONS


class _Parser(argparse.ArgumentParser):
    """A parser whose options may stand anywhere. By itself argparse takes MODEL and no IMAGE from the words before an
    option, and has no place for an IMAGE that comes after it."""

    _intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._intermixed:  # parse_known_intermixed_args calls this, once for the options and once for the rest
            return super().parse_known_args(args, namespace)
        self._intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixed = False


def parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="lcnn", description="Lookup-based convolutional neural networks on a CPU.",
        epilog="exit status: 0 done, 1 a check failed, 2 bad input",
    )  # fmt: skip
    whole.add_argument("--version", action="version", version=f"lcnn {__version__}", help="print the version and exit")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for add in (_add_predict, _add_info, _add_verify, _add_profile, _add_bench, _add_convert, _add_embed):
        add(commands)
    return whole


def _add_predict(commands: Any) -> None:
    predict = _command(commands, "predict", "classify images", "Classify images.")
    what = "image file; folder of images, with its folders; pattern as '*.png'; or - for paths on the standard input"
    predict.add_argument("images", metavar="IMAGE", nargs="+", help=what)
    predict.add_argument("--top", metavar="N", type=_positive, default=3, help="classes an image (default: 3)")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--jsonl", action="store_true", help="print a line of JSON for each image as it comes")
    form.add_argument("--csv", action="store_true", help="print a row for each class of each image as it comes")
    _add_output(predict, form)


def _add_info(commands: Any) -> None:
    what = "what a model consists of, or what kernels this machine uses"
    more = (
        "What a model consists of: shapes, atoms, lookups, multiplications, bytes of every node. "
        "Without a model: versions, and the kernels and the BLAS in use."
    )
    _add_output(_command(commands, "info", what, more, nargs="?"), predicts=False)


def _add_verify(commands: Any) -> None:
    more = "Compare the kernels with the NumPy reference, node by node, on images or on seeded noise."
    verify = _command(commands, "verify", "compare the kernels with the NumPy reference", more)
    _add_images(verify, "images", "image to compare on", nargs="*", default=[])
    arrays = "what training made of these images, (N, H, W, C): compare the whole way from image to answer, too"
    verify.add_argument("--inputs", metavar="ARRAY.npy", help=f"{arrays}; without images, compare on it")
    verify.add_argument("--all-isa", action="store_true", help="every kernel variant that this processor can run")
    _add_output(verify)


def _add_profile(commands: Any) -> None:
    more = "The median time of every kernel call, on an image or on seeded noise."
    profile = _command(commands, "profile", "where the time of a prediction goes", more)
    _add_images(profile, "image", "image to time on", nargs="?")
    _add_count(profile, "--runs", 50, "runs to time")
    profile.add_argument("--no-dense", action="store_true", help="leave out the dense equivalent: less time and memory")
    profile.add_argument("--trace", metavar="FILE", help="write trace events for chrome://tracing or ui.perfetto.dev")
    profile.add_argument("--plot", metavar="FILE", help="draw the steps on a time axis, as .png or .svg")
    _add_output(profile)


def _add_bench(commands: Any) -> None:
    more = "Time to load, of the first prediction and of many, on an image or on seeded noise."
    bench = _command(commands, "bench", "how long loading and predicting take", more)
    _add_images(bench, "image", "image to predict", nargs="?")
    _add_count(bench, "--batch", 1, "images a prediction")
    _add_count(bench, "--warmup", 10, "predictions before those that count", low=0)
    _add_count(bench, "--runs", 200, "predictions to time")
    _add_output(bench)


def _add_convert(commands: Any) -> None:
    more = "Convert an ONNX model, of PyTorch or another program, to a model file."
    convert = commands.add_parser("convert", help="an ONNX model to a model file", description=more)
    convert.add_argument("model", metavar="ONNX", help="ONNX model (*.onnx)")
    convert.add_argument("output", metavar="MODEL", help="model file to write (*.safetensors)")
    convert.add_argument("--labels", metavar="FILE", help="names of the classes, one a line")
    what = "JSON object of MODEL_FORMAT.md, or imagenet: how pictures become inputs"
    convert.add_argument("--preprocessing", metavar="FILE", help=what)
    what = "how weights are stored; int8: matrices of dense layers, with a scale for each row, the others in float16"
    convert.add_argument("--dtype", choices=("float32", "float16", "int8"), default="float32", help=what)
    what = "size of the input, where the model leaves it open"
    convert.add_argument("--input-size", metavar=("H", "W"), nargs=2, type=_positive, help=what)
    convert.add_argument("--output", dest="result", metavar="NAME", help="value or node that is the result")
    _add_limits(convert)


def _add_embed(commands: Any) -> None:
    more = "Write a model as a folder of C sources that needs neither Python nor a BLAS."
    embed = commands.add_parser("embed", help="a model as C sources", description=more)
    embed.add_argument("model", metavar="MODEL", help="model file (*.safetensors)")
    embed.add_argument("folder", metavar="DIR", help="folder to write: a new one, an empty one, or one written before")
    embed.add_argument("--name", help="what every public name begins with (default: made of the model's name)")
    what = "instruction set to write kernels for, again for more of them (default: all); the program chooses"
    embed.add_argument("--isa", metavar="ISA", action="append", help=what)
    _add_precision(embed)
    _add_limits(embed)


def _command(commands: Any, name: str, what: str, more: str, nargs: Any = None) -> argparse.ArgumentParser:
    """Add a command on a model; ``what`` it does, for the list of commands, and ``more`` of it."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=what, description=more)
    command.add_argument("model", metavar="MODEL", nargs=nargs, help="model file (*.safetensors)")
    _add_limits(command)
    return command


def _add_images(command: argparse.ArgumentParser, name: str, what: str, **kind: Any) -> None:
    command.add_argument(name, metavar="IMAGE", help=f"{what} (default: seeded noise)", **kind)


def _add_count(command: argparse.ArgumentParser, option: str, default: int, what: str, low: int = 1) -> None:
    kind = _positive if low else _natural
    command.add_argument(option, metavar="N", type=kind, default=default, help=f"{what} (default: {default})")


def _add_output(command: argparse.ArgumentParser, form: Any = None, predicts: bool = True) -> None:
    (form or command).add_argument("--json", action="store_true", help="print JSON")
    if predicts:
        command.add_argument("--threads", metavar="N", type=_positive, help="cores to use (default: all)")
        _add_precision(command)


def _add_precision(command: argparse.ArgumentParser) -> None:
    what = "what to compute in; float32 where the processor lacks it (default: float32)"
    command.add_argument("--precision", choices=[*PRECISIONS, FASTEST], default="float32", help=what)


def _add_limits(command: argparse.ArgumentParser) -> None:
    """Add what a model may take at most: options that ``loading.limits_of`` reads."""
    for name, default, what in (
        ("--max-bytes", MAX_BYTES, "bytes that activations may take"),
        ("--max-multiplications", MAX_MULTIPLICATIONS, "multiplications that one input may take"),
    ):
        command.add_argument(name, metavar="N", type=_positive, default=default, help=f"{what} (default: {default})")


def _positive(text: str) -> int:
    return _at_least(1, text)


def _natural(text: str) -> int:
    return _at_least(0, text)


def _at_least(low: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if number < low:
        raise argparse.ArgumentTypeError(f"expected an integer of at least {low}, got {text!r}")
    return number
