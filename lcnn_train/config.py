"""The schema of an experiment's YAML file. An unknown key or a mistyped value is an error that says what was meant."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import Field, ValidationError

from lcnn_engine import graph
from lcnn_train.errors import ConfigError
from lcnn_train.models.alexnet import ALEXNET
from lcnn_train.models.settings import Model
from lcnn_train.schema import Count, Positive, Section, Share
from lcnn_train.training.settings import Train

_CONFIGS = Path(__file__).parent / "configs"
_SIZE = (ALEXNET.input_size, ALEXNET.input_size)


class Data(Section):
    """What to train on. `validation` training pictures are held out to choose the checkpoint by."""

    dataset: Literal["mnist", "fashion-mnist"] = "mnist"
    folder: str | None = None
    validation: Count = 800


class Preprocessing(Section):
    """Picture to input: resized by Pillow, then (x * scale - mean) / std."""

    mode: Literal["L", "RGB"] = "L"
    resample: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = "bilinear"
    scale: float = 1 / 255
    mean: list[float] = Field(default=[0.13])
    std: list[Positive] = Field(default=[1.0])

    def for_engine(self) -> graph.Preprocessing:
        """As the engine's preprocessing functions take it."""
        return graph.Preprocessing(
            mode=self.mode,
            mean=tuple(self.mean),
            std=tuple(self.std),
            scale=self.scale,
            resize=graph.Resize("exact", _SIZE, self.resample),
        )

    def for_file(self) -> dict[str, Any]:
        """In the model file's own words."""
        return {
            "mode": self.mode,
            "resize": {"policy": "exact", "size": list(_SIZE), "resample": self.resample},
            "scale": self.scale,
            "mean": list(self.mean),
            "std": list(self.std),
        }


class Augment(Section):
    """Random changes of the training pictures; all are off unless set.

    rotate: degrees to either side; scale: range of a factor; shift: share of the side, in any direction; these three
    are one affine transform, applied to a picture with `affine_probability`. salt_and_pepper: share of the pixels
    turned black or white, in a picture with `salt_and_pepper_probability`.
    """

    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: list[Positive] = Field(default=[1.0, 1.0], min_length=2, max_length=2)
    shift: Share = 0.0
    affine_probability: Share = 1.0
    salt_and_pepper: Share = 0.0
    salt_and_pepper_probability: Share = 1.0


class Export(Section):
    """How `lcnn-train export` writes the model file."""

    dtype: Literal["float32", "float16"] = "float32"


class Config(Section):
    """One experiment."""

    name: Annotated[str, Field(min_length=1)]
    data: Data = Data()
    preprocessing: Preprocessing = Preprocessing()
    augment: Augment = Augment()
    model: Model = Model()
    train: Train = Train()
    export: Export = Export()

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Config:
        channels = 1 if self.preprocessing.mode == "L" else 3
        if self.model.channels != channels:
            raise ValueError(f"model.channels must be {channels}, as preprocessing.mode is {self.preprocessing.mode}")
        for key in ("mean", "std"):
            if len(getattr(self.preprocessing, key)) != channels:
                raise ValueError(f"preprocessing.{key} must have one number for each of {channels} channel(s)")
        if self.augment.scale[0] > self.augment.scale[1]:
            raise ValueError("augment.scale must be [smallest, largest]")
        return self


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but for two traps: of two equal keys it takes the last, and 1e-3 it takes for a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


def load_config(path: str | Path, overrides: list[str] | None = None, folder: str | None = None) -> Config:
    """Read a YAML file, or one of the package's own by its name without ".yaml".

    `overrides` are "section.key=value" with the value in YAML; `folder` is for data.folder.
    Raises FileNotFoundError, or ConfigError that names the file, the key, what was expected and what came.
    """
    path = Path(path)
    if not path.exists() and (_CONFIGS / f"{path}.yaml").is_file():
        path = _CONFIGS / f"{path}.yaml"
    if path.is_dir():
        raise ConfigError(f"{path}: expected a YAML file, found a folder")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(values).__name__}")
    for override in overrides or []:
        _override(values, override)
    if folder is not None and isinstance(values.setdefault("data", {}), dict):
        values["data"]["folder"] = folder
    return parse_config(values, str(path))


def parse_config(values: dict[str, Any], source: str) -> Config:
    """Check the values of a configuration; `source` is named in the ConfigError."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{source}: {_explain(first)}") from error


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"expected section.key=value; found {override!r}")
    try:
        value = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override!r}: the value is not YAML") from error
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{override!r}: {section} has no keys")
    values[last] = value


def _explain(error: Any) -> str:
    """One pydantic error as one line: the key, what was expected, what came; for an unknown key its nearest name."""
    location = error["loc"]
    key = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        known = _fields(location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.0)
        return f"unknown key {key}; did you mean {near[0]}? Known here: {', '.join(known)}"
    if error["type"] == "missing":
        return f"expected a value for {key}; found none"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    message = error["msg"].removeprefix("Input should be ")
    return f"{key}: expected {message}; found {error['input']!r} ({type(error['input']).__name__})"


def _fields(location: tuple[Any, ...]) -> list[str]:
    section: Any = Config
    for part in location:
        section = section.model_fields[part].annotation
    return list(section.model_fields)
