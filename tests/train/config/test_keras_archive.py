"""`.keras` files of strangers: made of known layers, or refused; with trust, whatever they are."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers, ops

import lcnn_train  # noqa: F401  (registers its layers)
from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.cli import main
from lcnn_train.config.keras_archive import load_keras
from lcnn_train.config.network_file import read_keras
from lcnn_train.errors import ConfigError, RunError, UntrustedError
from lcnn_train.sources import load_model
from lcnn_train.utils.trust import is_trusted, trusting


def small(*more: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3, name="conv"), *more], name="small")


def saved(model: keras.Model, folder: Path) -> Path:
    model.save(folder / "model.keras")
    return folder / "model.keras"


def changed(path: Path, change: Any) -> Path:
    """Change the configuration in a file, in place."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def conv(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Conv2D")
    return found


def test_code_needs_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(small(layers.Lambda(lambda x: 2 * x, output_shape=(4, 4, 2))), tmp_path)
    with pytest.raises(
        UntrustedError, match=r"found 'Lambda' of 'keras\.layers', which holds code; if you trust .*--trust"
    ):
        load_model(path)
    with pytest.raises(RunError):
        load_model(path, trust=False)
    with pytest.raises(ConfigError, match=r"model\.file: .*which holds code"):
        read_keras(path, "model.file")
    assert load_model(path, trust=True).model.output_shape == (None, 4, 4, 2)
    with trusting():
        assert read_keras(path, "model.file").output_shape == (None, 4, 4, 2)
    assert not is_trusted()
    assert main(["density", str(path)]) == 2
    assert "--trust" in capsys.readouterr().err
    assert main(["density", str(path), "--trust"]) == 0


def test_a_process_that_has_allowed_code_is_no_better(tmp_path: Path) -> None:
    path = saved(small(layers.Lambda(lambda x: 2 * x, output_shape=(4, 4, 2))), tmp_path)
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(UntrustedError):
            load_model(path)
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


@keras.saving.register_keras_serializable("test_keras_archive")
class Twice(layers.Layer):
    def call(self, x: Any) -> Any:
        return 2 * x


def test_a_class_of_this_process_is_trusted_and_one_of_elsewhere_is_not(tmp_path: Path) -> None:
    path = saved(small(Twice()), tmp_path)
    assert isinstance(load_model(path).model.layers[-1], Twice)

    def elsewhere(config: dict[str, Any]) -> None:
        layer = config["config"]["layers"][-1]
        layer.update(module="somewhere.else", registered_name="elsewhere>Twice")

    with pytest.raises(UntrustedError, match=r"found 'Twice' of 'somewhere\.else'; if you trust"):
        load_model(changed(path, elsewhere))


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("os", "system", "function"), ("keras.utils", "get_file", "function"),
        ("keras.saving", "load_model", "function"),
        ("keras.src.saving.saving_lib", "load_model", "function"), ("keras.config", "set_floatx", "function"),
        ("keras.layersx", "Evil", "class"), ("lcnn_train.layers.lookup", "LookupConv2D", "class"),
        (7, "Conv2D", "class"),
        ("keras", "device", "class"), ("keras.layers", "TFSMLayer", "class"),
        ("keras.layers", "TorchModuleWrapper", "class"),
    ],
)  # fmt: skip
def test_other_modules_are_refused(tmp_path: Path, module: Any, name: str, kind: str) -> None:
    def change(config: dict[str, Any]) -> None:
        if kind == "function":
            conv(config)["config"]["activation"] = {"module": module, "class_name": "function", "config": name}
        else:
            conv(config).update(module=module, class_name=name, registered_name=None)

    with pytest.raises(UntrustedError, match="expected layers of Keras and of lcnn_train, found"):
        load_model(changed(saved(small(), tmp_path), change))


def test_paths_of_other_files_are_refused(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        conv(config).update(class_name="StringLookup", config={"vocabulary": "/etc/passwd"})

    with pytest.raises(UntrustedError, match="with the path of a file to read"):
        load_model(changed(saved(small(), tmp_path), change))


def test_what_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    path = saved(small(), tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(2**26))
    with pytest.raises(UntrustedError, match="bytes unpacked, found 67"):
        load_model(path)


def ordinary() -> keras.Model:
    """Layers, functions, arithmetic of tensors, nested models, precisions, initializers, penalties and constraints."""
    image = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(
        4, 3, kernel_initializer=keras.initializers.HeNormal(seed=1), kernel_regularizer="l2",
        bias_constraint="non_neg", activation=keras.activations.relu,
    )(x)  # fmt: skip
    x = LookupConv2D(6, 3, 4, activation="gelu")(x)
    x = ops.relu(x) * 0.5 + ops.mean(x, axis=[1, 2], keepdims=True)
    x = layers.Conv2D(4, 1, dtype="mixed_bfloat16", activation=keras.activations.leaky_relu)(x)
    x = keras.Sequential([layers.BatchNormalization(), layers.Activation("silu"), layers.Dropout(0.1)])(x)
    x = layers.TimeDistributed(layers.Dense(3))(x)
    x = LookupDense(5, 3)(layers.Flatten()(x))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    model.compile(keras.optimizers.AdamW(0.01), keras.losses.SparseCategoricalCrossentropy(), ["accuracy"])
    return model


def test_ordinary_models_need_no_trust(tmp_path: Path) -> None:
    model = ordinary()
    path = saved(model, tmp_path)
    assert [layer.name for layer in load_keras(path).layers] == [layer.name for layer in model.layers]


def test_a_loss_of_ones_own_that_is_not_loaded_needs_none(tmp_path: Path) -> None:
    def own_loss(expected: Any, found: Any) -> Any:
        return ops.mean(expected - found)

    model = small()
    model.compile("adam", own_loss)
    assert load_keras(saved(model, tmp_path)).name == "small"


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetV2B0", "ConvNeXtTiny", "NASNetMobile"])
def test_keras_own_networks_need_none(name: str, tmp_path: Path) -> None:
    model = getattr(keras.applications, name)(weights=None, input_shape=(224, 224, 3), classes=3)
    path = tmp_path / "model.keras"
    text = json.dumps(keras.saving.serialize_keras_object(model))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", text)
    with pytest.raises(Exception, match=r"metadata|weights") as error:  # it has none
        load_keras(path)
    assert not isinstance(error.value, UntrustedError)
