"""Networks to train; `alexnet` is the paper's."""

from lcnn_train.models.alexnet import VARIANTS, alexnet

__all__ = ["VARIANTS", "alexnet"]
