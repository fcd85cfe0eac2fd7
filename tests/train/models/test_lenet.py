"""The LeNet-sized network: names, widths, dictionaries and norms."""

import pytest

from lcnn_train.models import NETWORKS, lenet
from tests.helpers.model_layers import is_lookup, weighted_layers

pytestmark = pytest.mark.usefixtures("without_values")


@pytest.mark.parametrize("variant", ["fast", "accurate", "dense"])
def test_lenet(variant):
    model = lenet(variant)
    layers = weighted_layers(model)
    assert [(layer.name, layer.output.shape[1:]) for layer in layers] == [
        ("conv1", (24, 24, 20)),
        ("conv2", (8, 8, 50)),
        ("fc1", (1, 1, 500)),
        ("fc2", (10,)),
    ]
    found = tuple(layer.dictionary for layer in layers if is_lookup(layer))
    assert found == (NETWORKS["lenet"].variants[variant] or ())
