"""The `model` section: a network's own values filled in, and what does not fit it."""

import keras
import pydantic
import pytest

from lcnn_train.config.network import Model
from lcnn_train.models import NETWORKS
from tests.helpers.model_layers import is_lookup


@pytest.fixture(autouse=True)
def _without_values():
    """Variables get shapes and no values, so that building takes no time."""
    with keras.StatelessScope(initialize_variables=False):
        yield


def test_a_network_fills_in_its_own_values():
    settings = Model()
    assert (settings.name, settings.input_size, settings.threshold, settings.dropout) == ("alexnet", 224, 0.01, 0.5)
    settings = Model(name="resnet18")
    assert (settings.input_shape, settings.threshold, settings.dropout) == ((224, 224, 1), 0.001, None)
    settings = Model(name="lenet", dropout=0.2, threshold=0.5, input_size=32)
    assert (settings.input_size, settings.threshold, settings.dropout) == (32, 0.5, 0.2)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_model_of_a_section(name):
    model = Model(name=name, variant="fast", channels=3, classes=4, l1=0.5, dictionary=6).build()
    assert (model.name, model.output_shape) == (f"{name}-lcnn-fast", (None, 4))
    assert {(layer.dictionary, layer.l1) for layer in model.layers if is_lookup(layer)} == {(6, 0.5)}


def test_the_width_of_a_section():
    model = Model(name="lenet", variant="dense", width=1.5).build()
    assert [model.get_layer(name).filters for name in ("conv1", "conv2", "fc1")] == [30, 75, 750]
    with pytest.raises(pydantic.ValidationError, match="width"):
        Model(name="lenet", width=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"variant": "quick"}, "model.variant: expected one of fast, .* for alexnet; found 'quick'"),
        ({"name": "resnet18", "variant": "accurate-paper"}, "fast, accurate, dense for resnet18"),
        ({"name": "resnet18", "dropout": 0.5}, "model.dropout: expected null, as resnet18 has no dropout; found 0.5"),
        ({"name": "lenet", "input_size": 8}, "input_size of lenet must be at least 16"),
        ({"dictionary": 0}, "dictionary of alexnet must be .* Received: dictionary=0"),
        ({"dictionary": [3, 0, 30, 30, 30, 3, 3]}, "dictionary of alexnet must be .* Received: .*3, 0, 30"),
        ({"lookups_per_tap": "two"}, "lookups_per_tap of alexnet must be .* Received: lookups_per_tap='two'"),
        ({"name": "lenet", "groups_of": 5}, "groups_of of lenet must be one of"),
        ({"name": "lenet", "atoms_of": 3}, "atoms_of of lenet must be one of 1, 2"),
        ({"dictionary": [3, 30]}, "dictionary of alexnet must be .* 7 of these"),
        ({"variant": "dense", "dictionary": 3}, "variant dense has no dictionaries"),
    ],
)
def test_sections_that_do_not_fit(values, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        Model(**values)
