"""Networks to train, by their names in NETWORKS, and the functions that build them.

What can be chosen about one (``network``), what all are put together from (``blocks``), one file for each family. The
layers are in ``layers``; conversion of a user's own model is in ``convert``.
"""

from lcnn_engine.utils.moved import former_names
from lcnn_train.models.alexnet import alexnet
from lcnn_train.models.lenet import lenet
from lcnn_train.models.network import Network, NetworkOptions
from lcnn_train.models.registry import NETWORKS, build
from lcnn_train.models.resnet import resnet
from lcnn_train.models.small_resnet import small_resnet

__all__ = ["NETWORKS", "Network", "NetworkOptions", "alexnet", "build", "lenet", "resnet", "small_resnet"]


former_names(__name__, Settings="NetworkOptions")
