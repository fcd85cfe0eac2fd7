"""A network as the engine has it in memory, from whatever it is: a live model, a run folder, or a file."""

from __future__ import annotations

import os
from pathlib import Path

import keras

from lcnn_engine import read_model
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.interop.dense import GraphAndTensors
from lcnn_train.export.converters import translate
from lcnn_train.export.model_file import stored_tensors
from lcnn_train.sources.load import load_model


def load_network(model: keras.Model | str | os.PathLike[str], checkpoint: str = "best") -> GraphAndTensors:
    """Load graph and tensors of a live model, model file, run folder or `.keras` file, as float32 files hold them.

    Raises as `load_model`, `read_model` and `export` do.
    """
    if not isinstance(model, keras.Model):
        path = Path(model)
        if path.suffix == ".safetensors":
            return read_model(path)
        model = load_model(path, checkpoint=checkpoint).model
    builder = translate(model)
    return graph_from_object({"name": model.name, **builder.graph()}), stored_tensors(builder, "float32")
