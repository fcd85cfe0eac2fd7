"""A run ends when it should."""

import pytest

from lcnn_train.config.training import EarlyStop
from lcnn_train.training.loop import has_ended

ACCURACIES = (0.5, 0.7, 0.7, 0.69, 0.71)


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        ({}, None),
        ({"accuracy": 0.7}, 2),
        ({"accuracy": 0.7, "from_epoch": 3}, 3),
        ({"accuracy": 0.9}, None),
        ({"patience": 2}, 4),
        ({"patience": 2, "from_epoch": 3}, None),
        ({"patience": 1}, 3),
        ({"patience": 3, "min_improvement": 0.05}, 5),
    ],
)
def test_early_stop(settings, epochs):
    history = [{"epoch": number, "val_accuracy": accuracy} for number, accuracy in enumerate(ACCURACIES, 1)]
    ends = [number for number in range(len(history) + 1) if has_ended(EarlyStop(**settings), history[:number])]
    assert (ends[0] if ends else None) == epochs
