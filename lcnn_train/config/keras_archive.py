"""Loads `.keras` files; one that is not trusted is made of Keras' own layers, or of those of this process, or refused.

Keras makes what a file's config.json names. A `Lambda` in it is Python bytecode, some layers load files of other kinds
that hold code, a vocabulary may be the path of any file here, and older versions of Keras import any module that is
named, or call any function. Keras has refused ever more of that, version by version; here everything is refused but a
list, whatever its version is and whatever the process has allowed it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from lcnn_train.errors import UntrustedError
from lcnn_train.utils.trust import is_trusted

_CONFIG = "config.json"
_MAX_CONFIG = 2**26  # bytes; a network of 1000 layers has half a million
_MAX_RATIO, _SPARE = 50, 2**20  # bytes unpacked for each of the file, and for a small one; Keras packs nothing

# Where the layers, and what they are made of, come from. A config names a module as it is exported or as it lies.
_MODULES = tuple(
    name
    for part in ("activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics",
                 "models", "ops", "optimizers", "quantizers", "random", "regularizers", "trainers")
    for name in (f"keras.{part}", f"keras.src.{part}")
)  # fmt: skip
_OTHERS = {
    *(("keras", name) for name in ("Functional", "Model", "Sequential", "DTypePolicy", "Variable")),
    ("keras.src.applications.convnext", "LayerScale"),
}
_CODE = {"__lambda__", "Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "__typespec__"}
_REMEDY = (
    "if you trust whoever made the file as you would trust a program: --trust, or load_model(..., trust=True); a class "
    "of your own: register it (keras.saving.register_keras_serializable) before"
)


def load_keras(path: Path) -> keras.Model:
    """Load a model, not compiled; inside of `trusting`, with whatever code it brings.

    Raises UntrustedError for one that is not made of known layers alone; what Keras, zipfile and json raise of a
    damaged file.
    """
    if not is_trusted():
        _check_archive(path)
    return keras.models.load_model(path, compile=False, safe_mode=not is_trusted())


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        size, most = sum(member.file_size for member in members), _MAX_RATIO * path.stat().st_size + _SPARE
        if size > most:
            raise UntrustedError(f"{path}: expected a .keras file of at most {most} bytes unpacked, found {size}")
        if archive.getinfo(_CONFIG).file_size > _MAX_CONFIG:
            raise UntrustedError(f"{path}: expected a {_CONFIG} of at most {_MAX_CONFIG} bytes in it")
        config = json.loads(archive.read(_CONFIG))
    if isinstance(config, dict):
        config.pop("compile_config", None)  # is not read
    for found in _objects(config):
        reason = _refused(found)
        if reason is not None:
            raise UntrustedError(f"{path}: expected layers of Keras and of lcnn_train, found {reason}; {_REMEDY}")


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Everything in a configuration that names a class or a function."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _refused(found: dict[str, Any]) -> str | None:
    """Say what a file may not name without being trusted; None of what it may."""
    name, module, registered = (found.get(key) for key in ("class_name", "module", "registered_name"))
    label = f"{name!r} of {module!r}"[:120]
    if not isinstance(name, str) or name in _CODE:
        return f"{label}, which holds code"
    if _reads_a_file(found.get("config")):
        return f"{label} with the path of a file to read"
    if isinstance(registered, str) and keras.saving.get_registered_object(registered) is not None:
        return None
    if module is None or module == "builtins":  # found by its name, among what Keras has and what is registered
        return None
    if isinstance(module, str) and (module, name) in _OTHERS:
        return None
    if isinstance(module, str) and any(f"{module}.".startswith(f"{known}.") for known in _MODULES):
        return None
    return label


def _reads_a_file(config: Any) -> bool:
    return isinstance(config, dict) and isinstance(config.get("vocabulary"), str)
