"""`lcnn-train export`: a trained model as a model file for lcnn_engine, as a `.keras` file, or as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lcnn_train.cli.options import DATA_HELP, Commands, add_source, data_of, needed_config, own_config
from lcnn_train.cli.verify import report
from lcnn_train.errors import ExportError

if TYPE_CHECKING:
    import keras

    from lcnn_train.config.experiment import Config
    from lcnn_train.sources.load import TrainedModel

_OUTPUTS = (".safetensors", ".keras", ".onnx")


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("export", help="write a model file for lcnn_engine, a .keras file or ONNX")
    parser.add_argument("model", metavar="MODEL", help="run folder, .keras file, or model file to make ONNX of")
    parser.add_argument(
        "output", metavar="OUTPUT", help=".safetensors, .keras, or .onnx (D and P as two convolutions, to compare)"
    )
    parser.add_argument("--dtype", choices=("float32", "float16", "int8"), help="default: the configuration's")
    parser.add_argument("--name", help="of the model (default: the configuration's)")
    parser.add_argument(
        "--labels", metavar="FILE", help="names of the classes, one a line (default: those of the data set)"
    )
    parser.add_argument("--verify", type=int, metavar="N", help="hold the engine to Keras on N training images")
    parser.add_argument("--data", metavar="FOLDER", help=f"for --verify: {DATA_HELP}")
    add_source(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Write the file; 1 if --verify finds that engine and Keras differ."""
    output = Path(parsed.output)
    _check_output(output, parsed.verify)
    if Path(parsed.model).suffix == ".safetensors":
        return _write_onnx(parsed.model, output)

    from lcnn_train.sources.load import load_model

    source = load_model(parsed.model, own_config(parsed), parsed.checkpoint)
    if output.suffix == ".onnx":
        return _write_onnx(source.model, output)
    if output.suffix == ".keras":
        return _write_keras(source, output, parsed.labels)
    return _write_model_file(parsed, output, source)


def _check_output(output: Path, verify: int | None) -> None:
    if output.suffix not in _OUTPUTS:
        raise ExportError(f"{output}: expected a name that ends in .safetensors, .keras or .onnx")
    if verify and output.suffix != ".safetensors":
        raise ExportError(f"{output}: --verify is for a .safetensors output")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"{output.parent}: expected a folder to write to, found none")


def _write_onnx(model: keras.Model | str, output: Path) -> int:
    from lcnn_train.export.onnx import export_onnx

    if output.suffix != ".onnx":
        raise ExportError(f"{model}: a model file can only become .onnx, expected such an output; found {output}")
    export_onnx(model, output)
    return _written(output)


def _write_keras(source: TrainedModel, output: Path, labels: str | None) -> int:
    from lcnn_train.sources.keras_file import Origin, save_keras

    save_keras(source.model, output, Origin(source.config, _labels(labels, source)))
    return _written(output)


def _write_model_file(parsed: argparse.Namespace, output: Path, source: TrainedModel) -> int:
    from lcnn_engine import read_model
    from lcnn_train.export.model_file import export

    config, labels = source.config, _labels(parsed.labels, source)
    export(
        source.model,
        output,
        labels=labels,
        preprocessing=config.preprocessing.for_file() if config else None,
        dtype=parsed.dtype or (config.export.dtype if config else "float32"),
        name=parsed.name or (config.name if config else None),
    )
    _written(output)
    if read_model(output)[0].preprocessing is None:
        print(f"{output}: takes arrays only, for how images are prepared is not known; --config says it")
    if labels is None:
        print(f"{output}: classes go by their numbers; --labels FILE names them")
    return _verify(parsed, output, source.model, needed_config(config, "--verify")) if parsed.verify else 0


def _written(output: Path) -> int:
    print(f"{output}: {output.stat().st_size:,} bytes")
    return 0


def _labels(file: str | None, source: TrainedModel) -> tuple[str, ...] | None:
    """Find the names of the classes: those of a file, or that the model came with, or of its data set."""
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

    images = load(data_of(parsed, config), "train")
    return report(model, output, first_readable(images, config.preprocessing.for_engine(), parsed.verify))
