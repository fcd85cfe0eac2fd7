"""Milliseconds of lookups: a line through what the engine predicts, which a pruned model then keeps to."""

from pathlib import Path

import keras
import pytest

from lcnn_engine import estimate, read_model
from lcnn_train import LookupConv2D, LookupDense, export
from lcnn_train.training.gradual.costs import LayerCost
from lcnn_train.training.gradual.predicted import in_milliseconds
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner


def network(dictionary: int | None = None, groups_of: int = 1) -> keras.Model:
    keras.utils.set_random_seed(3)
    settings = {"l1": 0, "threshold": 0, "groups_of": groups_of}
    return keras.Sequential(
        [
            keras.Input((32, 32, 16)),
            LookupConv2D(32, 3, dictionary, padding="same", activation="relu", name="wide", **settings),
            LookupConv2D(64, 3, dictionary, strides=2, padding="same", activation="relu", name="strided", **settings),
            keras.layers.Flatten(),
            LookupDense(64, dictionary, activation="relu", name="dense", **settings),
            keras.layers.Dense(10, name="last"),
        ]
    )


def predicted(model: keras.Model, path: Path) -> float:
    """What the engine says of the three layers once they are exported."""
    export(model, path)
    found = estimate(*read_model(path))
    return sum(found[name] for name in ("wide", "strided", "dense"))


@pytest.mark.parametrize(("dictionary", "groups_of"), [(None, 1), (None, 16), (12, 1), (12, 16)])
def test_a_target_is_what_the_engine_predicts_of_the_result(tmp_path: Path, dictionary, groups_of):
    model = network(dictionary, groups_of)
    pruner = Pruner(model, GradualSettings(0.4, end=1, of="milliseconds"))
    pruner.prune(1)
    assert pruner.share() == pytest.approx(0.4, rel=0.03)
    assert predicted(model, tmp_path / "pruned.safetensors") == pytest.approx(0.4 * pruner.whole, rel=0.25)


def test_time_goes_where_lookups_are_cheap():
    """By multiplications a lookup of each position costs the same; small maps and single pixels take longer for it."""
    cost = {layer.name: in_milliseconds(layer) for layer in network().layers if layer.name in ("wide", "strided")}
    positions = {"wide": 32 * 32, "strided": 16 * 16}
    each = {name: cost[name].entry / count for name, count in positions.items()}
    assert cost["wide"].entry > cost["strided"].entry
    assert all(1e-9 < value < 1e-5 for value in each.values())  # milliseconds of one multiplication
    assert cost["strided"].fixed > 0  # its input is split by stride


def test_atoms_cost_their_rows_of_the_image_by_the_dictionary():
    assert in_milliseconds(network(None).get_layer("wide")).atom == 0
    assert in_milliseconds(network(12).get_layer("wide")).atom > 0
    assert in_milliseconds(network(1).get_layer("wide")).atom == 0  # a single one is there in any case


def test_a_dense_layer_on_an_image():
    layer = LookupDense(4, 3)
    keras.Sequential([keras.Input((5, 6, 8)), layer])
    found = in_milliseconds(layer)
    assert isinstance(found, LayerCost)
    assert found.whole > 0


def test_open_sizes_are_refused():
    layer = LookupConv2D(4, 3, 2, name="a")
    keras.Sequential([keras.Input((None, None, 1)), layer])
    with pytest.raises(
        ValueError, match="layer a: expected one input of a known height and width, to count its millis"
    ):
        in_milliseconds(layer)


def test_a_target_below_what_is_fixed_is_refused():
    with pytest.raises(ValueError, match=r"target: expected a share .* the nearest is"):
        Pruner(network(), GradualSettings(1e-4, end=1, of="milliseconds"))
