"""Configurations: those that are shipped are valid, and every mistake gets an answer that says what was meant."""

from pathlib import Path

import pytest

import lcnn_train
from lcnn_train import ConfigError
from lcnn_train.config.experiment import load_config, parse_config

SHIPPED = sorted((Path(lcnn_train.__file__).parent / "config" / "presets").glob("*.yaml"))
FLAGSHIP = next(path for path in SHIPPED if path.name == "mnist-alexnet-lcnn-fast.yaml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid_and_named_as_their_files(path):
    assert load_config(path).name == path.stem


def test_a_shipped_configuration_goes_by_its_name():
    assert load_config("mnist-alexnet-lcnn-fast") == load_config(FLAGSHIP)


def test_defaults():
    config = parse_config({"name": "a"}, "here")
    assert config.model.l1 == 0.3
    assert config.model.threshold == 0.01
    assert config.train.learning_rate.schedule == "cosine"


def test_images_have_the_size_that_the_model_takes():
    config = parse_config({"name": "a", "model": {"name": "lenet", "variant": "dense"}}, "here")
    assert config.preprocessing.input_shape == config.model.input_shape == (28, 28, 1)
    assert config.preprocessing.for_file()["resize"]["size"] == [28, 28]
    config.preprocessing.for_engine().check(config.model.input_shape)


def test_numbers_with_an_exponent_are_numbers():
    """PyYAML alone takes 1e-3 for a text."""
    for text, value in (("1e-3", 1e-3), ("2E+1", 20.0), ("1.5e-3", 1.5e-3), (".5", 0.5)):
        assert load_config(FLAGSHIP, [f"train.learning_rate.initial={text}"]).train.learning_rate.initial == value


def test_overrides_win():
    config = load_config(FLAGSHIP, ["train.epochs=3", "augment=[{name: flip}]", "data.folder=~"], "elsewhere")
    assert config.train.epochs == 3
    assert [step.name for step in config.augment] == ["flip"]
    assert config.data.folder == "elsewhere"


def test_the_rules_of_lookups_from_the_command_line():
    """One value for all places, or one for each; `none` is no dictionary, `dense` no lookups."""
    model = load_config(
        "mnist-lenet-lcnn-fast",
        [
            "model.dictionary=[none, dense, 16]",
            "model.lookups_per_tap=[null, null, 2]",
            "model.groups_of=16",
            "model.atoms_of=2",
        ],
    ).model
    assert (model.dictionary, model.lookups_per_tap, model.groups_of) == (["none", "dense", 16], [None, None, 2], 16)
    conv1, conv2, fc1 = (model.build().get_layer(name) for name in ("conv1", "conv2", "fc1"))
    assert (conv1.D, conv1.groups_of, fc1.lookups_per_tap, hasattr(conv2, "P")) == (None, 16, 2, False)
    assert (conv1.atoms_of, fc1.atoms_of) == (2, 2)
    again = parse_config({"name": "a", "model": model.model_dump(mode="json")}, "config.json")
    assert again.model == model
    assert load_config("mnist-lenet-lcnn-fast", ["model.dictionary=none"]).model.build().get_layer("fc1").D is None


MISTAKES = {
    "model.dictionary=0": 'dictionary of alexnet must be an integer of at least 1, "none" .* Received: dictionary=0',
    "model.dictionary=[3, 0]": "or 7 of these, for conv1, .* Received: dictionary=",
    "model.lookups_per_tap=0": "lookups_per_tap of alexnet must be .* Received: lookups_per_tap=0",
    "model.groups_of=3": "groups_of of alexnet must be one of 1, 2, 4, 8, 16, 32; or 7 of these",
    "train.epoch=3": r"unknown key train.epoch; did you mean epochs\? Known here: epochs, steps_per_epoch",
    "trian.epochs=3": "unknown key trian; did you mean train\\?",
    "train.optimizer.momentun=0.5": "unknown key train.optimizer.momentun; did you mean momentum\\?",
    "train.epochs=many": r"train.epochs: expected a valid integer; found 'many' \(str\)",
    "train.epochs=1.5": r"train.epochs: expected a valid integer; found 1.5 \(float\)",
    "train.epochs=true": r"train.epochs: expected a valid integer; found True \(bool\)",
    "train.epochs=0": r"train.epochs: expected greater than or equal to 1; found 0",
    "train.epochs='3'": r"train.epochs: expected a valid integer; found '3' \(str\)",
    "model.variant=quick": "model.variant: expected one of fast, accurate, accurate-paper, dense, dense-wide for "
    "alexnet; found 'quick'",
    "model.l1=.nan": "model.l1: expected a finite number; found nan",
    "model.l1=-1": "model.l1: expected greater than or equal to 0; found -1",
    "model.dropout=1.0": "model.dropout: expected less than 1; found 1.0",
    "model.channels=3": "model.channels must be 1, as preprocessing.mode is L",
    "preprocessing.mean=[0.1, 0.2]": "preprocessing.mean must have one number for each of 1 channel",
    "preprocessing.std=[0]": r"preprocessing.std.0: expected greater than 0; found 0",
    "augment=[{name: flp}]": r"augment.0.name: unknown flp; did you mean flip\?",
    "augment=[{name: affine, scale: [1.2]}]": "augment.0.scale: .*at least 2 items",
    "preprocessing.size=[28, 28]": r"preprocessing.size must be \[224, 224\], what the model takes",
    "preprocessing.shortest_edge=200": "preprocessing.shortest_edge must be at least 224",
    "train.learning_rate={schedule: piecewise, epochs: [2, 3], rates: [1, 2]}": "epochs must ascend from 1",
    "train.learning_rate={schedule: piecewise, epochs: [1, 3], rates: [1.0]}": "one rate for each of its epochs",
    "train=3": r"train: expected a valid dictionary or instance of Train; found 3 \(int\)",
    "name=''": "name: .*at least 1 character",
    "train.epochs": "expected section.key=value; found 'train.epochs'",
    "name.x=3": "'name.x=3': name has no keys",
    "train.epochs=[": "the value is not YAML",
    "train.epochs=2026-13-45": "'train.epochs=2026-13-45': the value is not YAML: month must be in 1..12",
    "train.epochs=2026-01-01T25:00:00": "the value is not YAML: hour must be in",
    "train.epochs=" + "9" * 5000: "the value is not YAML: Exceeds the limit",
    "train.epochs=0x" + "f" * 5000: "train.epochs: expected less than 2147483648; found an integer of 20000 bits",
    "a=" + "[" * 3000: "the value is not YAML: it is nested too deep",
    "a=" + "[" * 3000 + "]" * 3000: "the value is not YAML: it is nested too deep",
    "train.epochs=!!bool x": "the value is not YAML",
    "train.epochs=!!timestamp x": "the value is not YAML",
    "train.epochs=!!int ''": "the value is not YAML",
    "train.epochs=&a [*a]": r"train.epochs: expected a valid integer; found \[",
}


@pytest.mark.parametrize("override", MISTAKES, ids=lambda override: override[:60])
def test_mistakes(override):
    with pytest.raises(ConfigError, match=MISTAKES[override]) as error:
        load_config(FLAGSHIP, [override])
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "override",
    [override for override in MISTAKES if "is not YAML" in MISTAKES[override]],
    ids=lambda override: override[:60],
)
def test_a_file_with_a_value_that_is_not_yaml(override, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: " + override.partition("=")[2])
    with pytest.raises(ConfigError, match=r"a\.yaml: not a YAML file: ") as error:
        load_config(path)
    assert "\n" not in str(error.value)


def test_files_that_are_no_configuration(tmp_path):
    path = tmp_path / "a.yaml"
    for text, message in (
        ("", "expected keys and values, found NoneType"),
        ("- 1", "expected keys and values, found list"),
        ("a: [", "not a YAML file"),
        ("train: {}", "expected a value for name; found none"),
        ("name: a\nname: b", "key name is given twice"),
        ("name: &a [*a]", "not a YAML file|expected"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message) as error:
            load_config(path)
        assert str(path) in str(error.value)
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigError, match="not a YAML file"):
        load_config(path)
    with pytest.raises(ConfigError, match="expected a YAML file, found a folder"):
        load_config(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"neither a file nor .*; did you mean mnist-lenet-lcnn-fast\?"):
        load_config("mnist-lenet-lcnn-fats")


def test_a_shipped_configuration_goes_by_where_it_lay_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(DeprecationWarning, match=r"configs/mnist-alexnet-lcnn-fast\.yaml has moved to .*presets"):
        config = load_config("lcnn_train/configs/mnist-alexnet-lcnn-fast.yaml")
    assert config == load_config(FLAGSHIP)
    with pytest.raises(FileNotFoundError):
        load_config("elsewhere/mnist-alexnet-lcnn-fast.yaml")
    with pytest.raises(FileNotFoundError):
        load_config("lcnn_train/configs/mnist-alexnet-lcnn-fats.yaml")
