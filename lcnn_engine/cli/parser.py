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
    for add in (
        _add_predict, _add_batch, _add_info, _add_verify, _add_profile, _add_bench, _add_convert, _add_embed, _add_plan,
        _add_serve,
    ):  # fmt: skip
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


def _add_batch(commands: Any) -> None:
    what = "a row in a file for each of many pictures"
    more = (
        "Classify many pictures, and write a row for each: path, label, probability, error. "
        "Until all are done the rows are kept in FILE.partial."
    )
    batch = _command(commands, "batch", what, more)
    what = "file, folder, pattern, - for paths on the standard input; URI of an object store; *.parquet of pictures"
    batch.add_argument("pictures", metavar="PATH", nargs="+", help=what)
    batch.add_argument("--out", metavar="FILE", required=True, help="file to write: .jsonl, .csv or .parquet")
    batch.add_argument("--top", metavar="N", type=_positive, default=1, help="classes a picture (default: 1)")
    what = "what computes: the cores of this machine, or Ray's (default: local)"
    batch.add_argument("--engine", choices=("local", "ray"), default="local", help=what)
    what = "Ray cluster, as auto or ray://HOST:10001 (default: RAY_ADDRESS, else one that is started for this run)"
    batch.add_argument("--address", metavar="ADDRESS", help=what)
    batch.add_argument("--column", metavar="NAME", help="column of Parquet files with the pictures' bytes or paths")
    batch.add_argument("--resume", action="store_true", help="go on where an interrupted run stopped")
    _add_output(batch)


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
    more = (
        "Write a model as a folder of C sources that needs neither Python nor a BLAS; "
        "or, with --library, those of the library that opens what `lcnn plan` writes."
    )
    embed = commands.add_parser("embed", help="a model as C sources", description=more)
    embed.add_argument("model", metavar="MODEL", nargs="?", help="model file (*.safetensors)")
    where = "folder to write: a new one, an empty one, or one written before"
    embed.add_argument("folder", metavar="DIR", nargs="?", help=where)
    embed.add_argument("--library", metavar="DIR", help="write the library instead, for every instruction set")
    embed.add_argument("--name", help="what every public name begins with (default: made of the model's name)")
    what = "instruction set to write kernels for, again for more of them (default: all); the program chooses"
    embed.add_argument("--isa", metavar="ISA", action="append", help=what)
    _add_precision(embed)
    _add_limits(embed)


def _add_plan(commands: Any) -> None:
    more = "Write a model's plans to a file for the C library (`lcnn embed --library`), which opens any number of them."
    plan = _command(commands, "plan", "a model as a file for the C library", more)
    plan.add_argument("file", metavar="FILE.lcnn", help="file to write")
    what = "instruction set to write a plan for, again for more of them (default: all); the library chooses"
    plan.add_argument("--isa", metavar="ISA", action="append", help=what)
    _add_precision(plan)


def _add_serve(commands: Any) -> None:
    more = 'Serve models over HTTP: Open Inference Protocol, and pictures to classes. Needs pip install "lcnn[serve]".'
    serve = commands.add_parser("serve", help="models over HTTP", description=more)
    what = "model file (*.safetensors); its name without the ending is the model's, the first is /classify's default"
    serve.add_argument("models", metavar="MODEL", nargs="+", help=what)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    serve.add_argument("--port", type=_natural, default=8000, help="port (default: 8000; 0: any that is free)")
    serve.add_argument("--token", metavar="FILE", help="token that requests must carry; a must for other hosts")
    _add_count(serve, "--workers", 1, "processes, which share the weights")
    serve.add_argument(
        "--threads", metavar="N", type=_positive, help="requests computed at once, a process (default: cores)"
    )
    _add_count(serve, "--queue", 64, "requests that may wait, a process; others get 503", low=0)
    serve.add_argument("--max-body", metavar="SIZE", default="16MiB", help="bytes of a request (default: 16MiB)")
    _add_count(serve, "--max-pixels", 2**25, "pixels of a picture")
    _add_count(serve, "--seconds", 30, "time of a request")
    serve.add_argument("--quiet", action="store_true", help="log no requests, only what happens to the server")
    _add_precision(serve)
    _add_limits(serve)


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
