"""Who runs against whom: groups of networks, and the matchups that every group makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..networks.model_files import SHIPPED, shipped
from ..utils.machine import ROOT

OURS = "lcnn"
PRECISIONS = {"float32": OURS, "bfloat16": "lcnn-bf16", "int8": "lcnn-int8"}
"""Precision -> our engine in it."""
WRITTEN_OUT = ":two-convolutions"  # after a network's name: see model_files
MULTIPLIED_OUT = ":multiplied-out"
FEW = ("onnxruntime", "openvino", "litert-int8")
"""The baselines that run every dense network of a group, and many images and threads; the others run one alone."""
BASELINES = (*FEW, "openvino-f32", "litert-f32", "tensorflow")


def short(network: str) -> str:
    """Shorten a network's name for a label: ``net (dense equivalent)`` for ``to/net.safetensors:dense-equivalent``."""
    source, _, transform = network.partition(":")
    name = source.rpartition("/")[2].removesuffix(".safetensors")
    return f"{name} ({transform.replace('-', ' ')})" if transform else name


@dataclass(frozen=True)
class Entry:
    """An engine on a network, with so many images at a time on so many threads."""

    engine: str
    network: str
    batch: int = 1
    threads: int = 1

    @property
    def key(self) -> str:
        return f"{self.engine} on {self.network}, batch {self.batch}, threads {self.threads}"


@dataclass(frozen=True)
class Matchup:
    """Entries that are measured in the same rounds."""

    group: str
    batch: int
    threads: int
    entries: tuple[Entry, ...]
    about: tuple[Entry, ...]
    """Those of ours that the others are compared with."""
    dense: tuple[str, ...] = ()
    """Networks that lookup networks are compared with, too, although some of ours are about them."""

    def compares(self, entry: Entry, ours: Entry) -> bool:
        """Tell whether ``entry`` stands beside ``ours``: it is that network, or dense, or one that nobody is about."""
        network = entry.network.removesuffix(WRITTEN_OUT).removesuffix(MULTIPLIED_OUT)
        if ours.network in self.dense:
            return network == ours.network
        others = {one.network for one in self.about} - {ours.network, *self.dense}
        return network not in others

    @property
    def name(self) -> str:
        return f"{self.group}, batch {self.batch}, threads {self.threads}"


@dataclass(frozen=True)
class Group:
    """Networks of one input: ``lookup`` ones, and ``dense``, what the other engines run, the first one in their place.

    All are ours, too, in every precision.
    """

    name: str
    lookup: tuple[str, ...]
    dense: tuple[str, ...]
    wider: tuple[str, ...] = ()
    """Other dense networks, for ONNX Runtime alone."""
    written_out: tuple[str, ...] = ()
    """Lookup networks that ONNX Runtime runs, too, D and P as two dense convolutions."""
    multiplied_out: tuple[str, ...] = ()
    """Lookup networks that ours runs, too, P·D as one dense convolution."""
    scaled: tuple[str, ...] = ()
    """Lookup networks that are run on many images and threads, too, and with the kernels of lesser processors."""

    @property
    def networks(self) -> tuple[str, ...]:
        """All that ours runs as a file says."""
        return (*self.lookup, *self.dense)

    def matchup(self, batch: int, threads: int) -> Matchup:
        """Match all engines up. Where images or threads are many, ours with one of each runs along."""
        entries = self._alone() if batch == threads == 1 else self._scaled(batch, threads)
        if batch == threads == 1:
            about = [Entry(OURS, network) for network in (*self.lookup, *self.dense)]
        else:
            about = [Entry(OURS, network, batch, threads) for network in self.scaled]
        return Matchup(self.name, batch, threads, tuple(dict.fromkeys(entries)), tuple(about), self.dense)

    def _alone(self) -> list[Entry]:
        own = (*self.lookup, *self.dense, *(network + MULTIPLIED_OUT for network in self.multiplied_out))
        return [
            *(Entry(engine, network) for network in own for engine in PRECISIONS.values()),
            *(Entry("lcnn-avx2", network) for network in self.scaled),
            *(Entry("onnxruntime", network) for network in self.wider),
            *(Entry("onnxruntime", network + WRITTEN_OUT) for network in self.written_out),
            *(Entry(engine, self.dense[0]) for engine in BASELINES),
            *(Entry(engine, network) for network in self.dense[1:] for engine in FEW),
        ]

    def _scaled(self, batch: int, threads: int) -> list[Entry]:
        shapes = [(batch, threads), (1, threads), (batch, 1)]
        return [
            *(Entry(OURS, network, *shape) for network in self.scaled for shape in shapes),
            *(Entry(engine, self.dense[0], batch, threads) for engine in (OURS, *FEW)),
        ]


ALEXNETS = tuple(f"alexnet-lcnn-{name}{suffix}" for name in ("fast", "accurate") for suffix in ("", "-16", "-16x2"))
RESNETS = ("resnet18-lookup-fast", "resnet18-lookup-accurate", "resnet18-lookup-accurate-16x2", "resnet18-pruned",
           "resnet18-pruned-16", "resnet18-pruned-16x2")  # fmt: skip
CNNS = ("cnn28", "cnn28-half", "cnn28-quarter")


def groups() -> list[Group]:
    """Return AlexNet, ResNet-18, what users have, the network of version 0.1, and every other model in ``weights``."""
    fast, accurate = ALEXNETS[0], ALEXNETS[3]
    resnets = (RESNETS[0], RESNETS[1], RESNETS[3])
    small = ("small-lookup",)
    found = [
        Group("alexnet", ALEXNETS, ("alexnet-dense",), ("alexnet-dense-wide",), (fast, accurate), (accurate,),
              (fast, accurate)),
        Group("resnet18", RESNETS, ("resnet18-dense",), (), resnets[:2], (), resnets),
        Group("efficientnet-lite0", (), ("efficientnet-lite0",)),
        Group("mobilenet-v2", (), ("mobilenet-v2",)),
        Group("cnn28", ("cnn28-pruned",), CNNS),
        Group("small", small, ("small-lookup:dense-equivalent",), (), small, (), small),
        _beside_dense_equivalent(SHIPPED, SHIPPED),
    ]  # fmt: skip
    files = sorted((ROOT / "weights").glob("*.safetensors"))
    return [*found, *(model_group(path) for path in files if path != shipped())]


def model_group(path: Path) -> Group:
    """Group a model file, its name as short as it can be told from ROOT, beside its dense equivalent."""
    model = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    return _beside_dense_equivalent(path.stem, model)


def _beside_dense_equivalent(name: str, model: str) -> Group:
    return Group(name, (model,), (f"{model}:dense-equivalent",), (), (model,), (), (model,))


def matchups(chosen: Sequence[Group], batches: Sequence[int], threads: Sequence[int]) -> list[Matchup]:
    """Match every group up with every number of images and of threads that it is run on."""
    return [
        group.matchup(batch, count)
        for group in chosen
        for batch in batches
        for count in threads
        if group.scaled or batch == count == 1
    ]
