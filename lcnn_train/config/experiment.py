"""The schema of an experiment's YAML file. An unknown key or a mistyped value is an error that says what was meant."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
import yaml
from pydantic import Discriminator, Field, Tag, ValidationError
from pydantic.fields import FieldInfo

from lcnn_engine.utils.messages import shown
from lcnn_train.config.data import AnyAugmentation, Data, Preprocessing, check_order
from lcnn_train.config.network import Model
from lcnn_train.config.network_file import ModelFile, filled, prepared
from lcnn_train.config.schema import Section
from lcnn_train.config.training import Train
from lcnn_train.errors import ConfigError
from lcnn_train.models.registry import NETWORKS

_PRESETS = Path(__file__).parent / "presets"


class Export(Section):
    """How `lcnn-train export` writes the model file."""

    dtype: Literal["float32", "float16", "int8"] = "float32"


def _network_tag(values: Any) -> str:
    """Whether a `model` section names a file."""
    has_file = "file" in values if isinstance(values, dict) else isinstance(values, ModelFile)
    return ModelFile.__name__ if has_file else Model.__name__


AnyModel = Annotated[
    Annotated[Model, Tag(Model.__name__)] | Annotated[ModelFile, Tag(ModelFile.__name__)], Discriminator(_network_tag)
]


class Config(Section):
    """One experiment."""

    name: Annotated[str, Field(min_length=1)]
    data: Data = Data()
    preprocessing: Preprocessing = Preprocessing()
    augment: list[AnyAugmentation] = Field(default=[])
    model: AnyModel = Model()
    train: Train = Train()
    export: Export = Export()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _size_of_the_input(cls, values: Any) -> Any:
        """Unless preprocessing.size is given, images get the size that the model takes."""
        model, preprocessing = (values.get(key, {}) for key in ("model", "preprocessing"))
        if not isinstance(model, dict) or not isinstance(preprocessing, dict):
            return values
        if _network_tag(model) == ModelFile.__name__:
            known = filled(model)
            return values | {"model": known, "preprocessing": prepared(known, preprocessing)}
        if "size" in preprocessing:
            return values
        network = NETWORKS.get(str(model.get("name", "alexnet")))
        size = model.get("input_size", network.input_size if network else None)
        return values | {"preprocessing": preprocessing | {"size": [size, size]}} if isinstance(size, int) else values

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Config:
        made, taken = self.preprocessing.input_shape, self.model.input_shape
        if made[2] != taken[2]:
            raise ValueError(f"model.channels must be {made[2]}, as preprocessing.mode is {self.preprocessing.mode}")
        if made != taken:
            raise ValueError(
                f"preprocessing.size must be {list(taken[:2])}, what the model takes; found {list(made[:2])}"
            )
        if isinstance(self.model, ModelFile) and self.train.precision != "float32":
            raise ValueError(
                f"train.precision: expected float32 with model.file, whose layers have a precision of their own; found "
                f"{self.train.precision}"
            )
        check_order(self.augment, self.preprocessing.for_engine().is_rounded)
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
    path = _shipped(Path(path))
    if path.is_dir():
        raise ConfigError(f"{path}: expected a YAML file, found a folder")
    if not path.exists() and not path.suffix and path.name == str(path):
        shipped = [known.stem for known in _PRESETS.glob("*.yaml")]
        near = difflib.get_close_matches(path.name, shipped, n=1, cutoff=0.0)
        raise ConfigError(f"{path}: neither a file nor a configuration of the package; did you mean {near[0]}?")
    try:
        values = _parsed(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(values).__name__}")
    overridden(values, overrides or [])
    if folder is not None and isinstance(values.setdefault("data", {}), dict):
        values["data"]["folder"] = folder
    return parse_config(values, str(path))


def _parsed(text: str) -> Any:
    """Read YAML. Raises ValueError for whatever PyYAML makes of what is none: 2026-13-45 or !!bool x, say."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(str(error)) from error


def _shipped(path: Path) -> Path:
    """Find the package's own configuration that a path names, by its name alone or by where these lay before."""
    if path.exists():
        return path
    if (_PRESETS / f"{path}.yaml").is_file():
        return _PRESETS / f"{path}.yaml"
    former = _PRESETS / path.name
    if path.parts[-3:-1] == ("lcnn_train", "configs") and former.is_file():
        warnings.warn(f"{path} has moved to {former}; {path.stem} will do", DeprecationWarning, stacklevel=3)
        return former
    return path


def parse_config(values: dict[str, Any], source: str) -> Config:
    """Check the values of a configuration; `source` is named in the ConfigError."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{source}: {_explain(first)}") from error


def overridden(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Set values by "section.key=value", in place. Raises ConfigError for a text of another form."""
    for override in overrides:
        _override(values, override)
    return values


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"expected section.key=value; found {shown(override)}")
    try:
        value = _parsed(text)
    except ValueError as error:
        raise ConfigError(f"{shown(override)}: the value is not YAML: {' '.join(str(error).split())}") from error
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{shown(override)}: {section} has no keys")
    values[last] = value


def _explain(error: Any) -> str:
    """One pydantic error as one line: the key, what was expected, what came; for an unknown name its nearest."""
    kind, context = error["type"], error.get("ctx", {})
    *above, last = error["loc"] or ("",)
    sections, key = _walk(tuple(above))
    here = ".".join([*key, str(last)])
    if kind == "extra_forbidden":
        return f"unknown key {here}; {_did_you_mean(str(last), list(sections[0].model_fields))}"
    if kind == "union_tag_invalid":
        return f"{here}.name: unknown {context['tag']}; {_did_you_mean(context['tag'], _names(context))}"
    if kind == "union_tag_not_found":
        return f"{here}: expected a name, as in {{name: flip}}; found {shown(error['input'])}"
    if kind == "missing":
        return f"expected a value for {here}; found none"
    if kind == "value_error":
        return str(context["error"])
    message = error["msg"].removeprefix("Input should be ")
    return f"{here}: expected {message}; found {shown(error['input'])} ({type(error['input']).__name__})"


def _did_you_mean(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"did you mean {near[0]}? Known here: {', '.join(known)}"


def _names(context: dict[str, Any]) -> list[str]:
    """The names that a member of a union may have, from pydantic's own text."""
    return re.findall(r"'([^']+)'", context["expected_tags"])


def _walk(location: tuple[Any, ...]) -> tuple[list[type[Section]], list[str]]:
    """The sections that may stand at a location, and its key; of a union, pydantic puts the member's name there too."""
    sections: list[type[Section]] = [Config]
    key = []
    for part in location:
        if len(sections) > 1 and isinstance(part, str):
            sections = [s for s in sections if part in _tags(s)]
            continue
        key.append(str(part))
        if isinstance(part, str):
            sections = _sections(sections[0].model_fields[part])
    return sections, key


def _tags(section: type[Section]) -> tuple[Any, ...]:
    """What pydantic may put into a location for a member of a union: its class, or the name that tells it apart."""
    named = section.model_fields.get("name")
    return (section.__name__, *(get_args(named.annotation) if named else ()))


def _sections(type_: Any) -> list[type[Section]]:
    """The sections in a field's type: itself, or those of a list or a union."""
    if isinstance(type_, FieldInfo):
        type_ = type_.annotation
    if isinstance(type_, type) and issubclass(type_, Section):
        return [type_]
    return [section for part in get_args(type_) for section in _sections(part)]
