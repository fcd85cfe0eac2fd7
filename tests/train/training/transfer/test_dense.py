"""The dense twin of a configuration."""

import pytest

from lcnn_train import ConfigError
from lcnn_train.config.experiment import load_config, parse_config
from lcnn_train.training.transfer.dense import dense_variant


def test_nothing_but_lookups_is_left_out():
    values = load_config("cifar10-resnet20-lcnn-pruned").model_dump()
    dense = parse_config(dense_variant(values), "dense")
    assert dense.model.variant == "dense"
    assert dense.train.sparsity is None
    assert dense.train.optimizer.model_dump() == values["train"]["optimizer"]
    assert dense.data.model_dump() == values["data"]


def test_one_that_is_dense_already():
    with pytest.raises(ConfigError, match="expected a variant with lookups"):
        dense_variant(load_config("mnist-lenet-dense").model_dump())
