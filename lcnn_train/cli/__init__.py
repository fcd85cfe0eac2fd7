"""`lcnn-train`: fit, launch, plot, evaluate, count, export, data and more from a shell.

Exit status: 0 done, 1 a check failed (--verify) or a training could not go on, 2 bad input (one line on standard error,
no traceback), 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from lcnn_engine.errors import LcnnError
from lcnn_train import export, verify
from lcnn_train.cli import augmentations, count, data, dictionaries, fit, launch, pack, plot
from lcnn_train.config.data import DATASETS, Data
from lcnn_train.config.experiment import Config, load_config
from lcnn_train.errors import ConfigError, ExportError, TrainingError

if TYPE_CHECKING:
    from lcnn_train.sources.load import Source

_DATA_HELP = "folder of the data set (default: where Keras or Debian put it)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except TrainingError as error:
        print(f"lcnn-train: {_message(error)}", file=sys.stderr)
        return 1
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
    fit.add(commands)
    launch.add(commands)
    plot.add(commands)
    _add_evaluate(commands)
    _add_density(commands)
    count.add(commands)
    _add_export(commands)
    dictionaries.add(commands)
    data.add(commands)
    pack.add(commands)
    augmentations.add(commands)
    return parser


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    evaluate = commands.add_parser("evaluate", help="accuracy of a run, a .keras file or a model file")
    evaluate.add_argument("model", metavar="MODEL", help="run folder, .keras file, or .safetensors model file")
    evaluate.add_argument("--dataset", choices=DATASETS, help="default: the configuration's, or mnist")
    evaluate.add_argument("--data", metavar="FOLDER", help=_DATA_HELP)
    evaluate.add_argument("--part", choices=("test", "train"), default="test")
    evaluate.add_argument("--threads", type=int, help="of the engine, for a model file (default: all cores)")
    _add_source(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _add_density(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    density = commands.add_parser("density", help="lookups, density and multiplications of each layer")
    density.add_argument("model", metavar="MODEL", help="run folder or .keras file")
    _add_source(density)
    density.set_defaults(run=_density)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = commands.add_parser("export", help="write a model file for lcnn_engine, a .keras file or an ONNX twin")
    export.add_argument("model", metavar="MODEL", help="run folder, .keras file, or model file for an ONNX twin")
    export.add_argument(
        "output", metavar="OUTPUT", help=".safetensors, .keras, or .onnx (D and P as two convolutions, to compare)"
    )
    export.add_argument("--dtype", choices=("float32", "float16"), help="default: the configuration's")
    export.add_argument("--name", help="of the model (default: the configuration's)")
    export.add_argument(
        "--labels", metavar="FILE", help="names of the classes, one a line (default: those of the data set)"
    )
    export.add_argument("--verify", type=int, metavar="N", help="hold the engine to Keras on N training pictures")
    export.add_argument("--data", metavar="FOLDER", help=f"for --verify: {_DATA_HELP}")
    _add_source(export)
    export.set_defaults(run=_export)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="CONFIG.yaml",
        help="what a .keras file was trained by; a run, and what was exported of one, know their own",
    )
    parser.add_argument("--checkpoint", choices=("best", "newest"), default="best", help="of a run")
    _add_set(parser)


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override a value")


def _own_config(parsed: argparse.Namespace) -> Config | None:
    if parsed.config is None:
        if parsed.set:
            raise ConfigError("--set needs a --config to change")
        return None
    return load_config(parsed.config, parsed.set)


def _evaluate(parsed: argparse.Namespace) -> int:
    from lcnn_train.data.sets import load
    from lcnn_train.sources.evaluate import evaluate_file, evaluate_keras
    from lcnn_train.sources.load import load_model

    config = _own_config(parsed)
    if Path(parsed.model).suffix == ".safetensors":
        print(evaluate_file(parsed.model, load(_data_of(parsed, config), parsed.part), parsed.threads))
        return 0
    source = load_model(parsed.model, config, parsed.checkpoint)
    known = _needs_config(source.config, "evaluate")
    pictures = load(_data_of(parsed, known), parsed.part)
    print(evaluate_keras(source.model, pictures, known.preprocessing.for_engine()))
    return 0


def _data_of(parsed: argparse.Namespace, config: Config | None) -> Data:
    """The data set of a configuration, but for what the command line says of it."""
    given = {"dataset": getattr(parsed, "dataset", None), "folder": parsed.data}
    known = config.data if config else Data()
    return known.model_copy(update={key: value for key, value in given.items() if value is not None})


def _needs_config(config: Config | None, command: str) -> Config:
    if config is None:
        raise ConfigError(f"{command} of a .keras file needs --config: this one does not say how pictures are prepared")
    return config


def _density(parsed: argparse.Namespace) -> int:
    from lcnn_train.reports.cost import count as count_model
    from lcnn_train.reports.cost_table import cost_table
    from lcnn_train.sources.load import load_model

    print(cost_table(count_model(load_model(parsed.model, _own_config(parsed), parsed.checkpoint).model)))
    return 0


def _export(parsed: argparse.Namespace) -> int:
    from lcnn_train.sources.keras_file import Origin, save_keras
    from lcnn_train.sources.load import load_model

    output = Path(parsed.output)
    if output.suffix not in (".safetensors", ".keras", ".onnx"):
        raise ExportError(f"{output}: expected a name that ends in .safetensors, .keras or .onnx")
    if parsed.verify and output.suffix != ".safetensors":
        raise ExportError(f"{output}: --verify is for a .safetensors output")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"{output.parent}: expected a folder to write to, found none")
    if Path(parsed.model).suffix == ".safetensors":
        return _export_onnx(parsed.model, output)
    source = load_model(parsed.model, _own_config(parsed), parsed.checkpoint)
    if output.suffix == ".onnx":
        return _export_onnx(source.model, output)
    if output.suffix == ".keras":
        save_keras(source.model, output, Origin(source.config, _labels(parsed.labels, source)))
        print(f"{output}: {output.stat().st_size:,} bytes")
        return 0
    return _export_model_file(parsed, output, source)


def _export_onnx(model: keras.Model | str, output: Path) -> int:
    from lcnn_train.export.onnx import export_onnx

    if output.suffix != ".onnx":
        raise ExportError(f"{model}: a model file can only become .onnx, expected such an output; found {output}")
    export_onnx(model, output)
    print(f"{output}: {output.stat().st_size:,} bytes")
    return 0


def _export_model_file(parsed: argparse.Namespace, output: Path, source: Source) -> int:
    model, config = source.model, source.config
    labels = _labels(parsed.labels, source)
    export(
        model,
        output,
        labels=labels,
        preprocessing=config.preprocessing.for_file() if config else None,
        dtype=parsed.dtype or (config.export.dtype if config else "float32"),
        name=parsed.name or (config.name if config else None),
    )
    print(f"{output}: {output.stat().st_size:,} bytes")
    if config is None:
        print(f"{output}: takes arrays only, for how pictures are prepared is not known; --config says it")
    if labels is None:
        print(f"{output}: classes go by their numbers; --labels FILE names them")
    return _verify(parsed, output, model, _needs_config(config, "--verify")) if parsed.verify else 0


def _labels(file: str | None, source: Source) -> tuple[str, ...] | None:
    """The names of the classes: those of a file, or that the model came with, or of its data set."""
    from lcnn_train.data.idx import LABELS

    if file is not None:
        return _read_labels(Path(file))
    of_set = LABELS.get(source.config.data.dataset) if source.config else None
    labels = source.labels or of_set
    return labels if labels and len(labels) == source.model.output_shape[-1] else None


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise ExportError(f"{path}: expected names of classes in UTF-8, one a line; found {error}") from error


def _verify(parsed: argparse.Namespace, output: Path, model: keras.Model, config: Config) -> int:
    from lcnn_train.data.reader import first_readable
    from lcnn_train.data.sets import load

    pictures = load(_data_of(parsed, config), "train")
    try:
        print(verify(model, output, first_readable(pictures, config.preprocessing.for_engine(), parsed.verify)))
    except ExportError as error:
        print(f"lcnn-train: {_message(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
