"""Networks to train, by their names in NETWORKS, and the functions that build them."""

from lcnn_train.models.alexnet import alexnet
from lcnn_train.models.lenet import lenet
from lcnn_train.models.network import Network, Settings
from lcnn_train.models.registry import NETWORKS, build
from lcnn_train.models.resnet import resnet

__all__ = ["NETWORKS", "Network", "Settings", "alexnet", "build", "lenet", "resnet"]
