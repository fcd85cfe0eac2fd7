"""Who runs against whom: groups of networks, and the matchups that every group makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..utils.machine import ROOT

OURS = "lcnn"
WRITTEN_OUT = ":two-convolutions"  # after a network's name: see model_files
BASELINES = ("onnxruntime", "openvino-f32", "openvino", "litert-f32", "litert-int8", "tensorflow")


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

    def compares(self, entry: Entry, ours: Entry) -> bool:
        """Tell whether ``entry`` stands beside ``ours``: it is that network, or one that nobody else is about."""
        others = {one.network for one in self.about} - {ours.network}
        return entry.network.removesuffix(WRITTEN_OUT) not in others

    @property
    def name(self) -> str:
        return f"{self.group}, batch {self.batch}, threads {self.threads}"


@dataclass(frozen=True)
class Group:
    """Networks of one input: ``lookup`` ones, and ``dense``, what the other engines run in their place."""

    name: str
    lookup: tuple[str, ...]
    dense: str
    wider: tuple[str, ...] = ()
    """Other dense networks, for ONNX Runtime alone."""
    written_out: tuple[str, ...] = ()
    """Lookup networks that ONNX Runtime runs, too, D and P as two dense convolutions."""

    def matchup(self, batch: int, threads: int) -> Matchup:
        """Match all engines up. Where images or threads are many, ours with one of each runs along."""
        entries = [Entry(OURS, network, batch, threads) for network in (*self.lookup, self.dense)]
        if batch > 1:
            entries += [Entry(OURS, network, 1, threads) for network in self.lookup]
        if threads > 1:
            entries += [Entry(OURS, network, batch, 1) for network in self.lookup]
        if batch == threads == 1:
            entries += [Entry("lcnn-avx2", network) for network in self.lookup]
            entries += [Entry("onnxruntime", network) for network in self.wider]
            entries += [Entry("onnxruntime", network + WRITTEN_OUT) for network in self.written_out]
        entries += [Entry(engine, self.dense, batch, threads) for engine in BASELINES]
        about = tuple(Entry(OURS, network, batch, threads) for network in self.lookup)
        return Matchup(self.name, batch, threads, tuple(dict.fromkeys(entries)), about)


def groups() -> list[Group]:
    """Return AlexNet, ResNet-18, the small network, and every model in ``weights``."""
    alexnet = ("alexnet-lcnn-fast", "alexnet-lcnn-accurate")
    resnet = ("resnet18-lookup-fast", "resnet18-lookup-accurate", "resnet18-pruned")
    found = [
        Group("alexnet", alexnet, "alexnet-dense", ("alexnet-dense-wide",), alexnet),
        Group("resnet18", resnet, "resnet18-dense", (), resnet[:2]),
        Group("small", ("small-lookup",), "small-lookup:dense-equivalent", (), ("small-lookup",)),
    ]
    return [*found, *map(model_group, sorted((ROOT / "weights").glob("*.safetensors")))]


def model_group(path: Path) -> Group:
    """Group a model file, its name as short as it can be told from ROOT, beside its dense equivalent."""
    model = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    return Group(path.stem, (model,), f"{model}:dense-equivalent", (), (model,))


def matchups(chosen: Sequence[Group], batches: Sequence[int], threads: Sequence[int]) -> list[Matchup]:
    """Match every group up with every number of images and of threads."""
    return [group.matchup(batch, count) for group in chosen for batch in batches for count in threads]
