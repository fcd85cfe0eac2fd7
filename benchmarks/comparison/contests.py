"""Who runs against whom: groups of networks, and the contests that every group makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..machine import ROOT

OURS = "lcnn"
WRITTEN_OUT = ":two-convolutions"  # after a network's name: see model_files
PEERS = ("onnxruntime", "openvino-f32", "openvino", "litert-f32", "litert-int8", "tensorflow")


def short(network: str) -> str:
    """A network's name for a label: ``mine (dense twin)`` for ``folder/mine.safetensors:dense-twin``."""
    source, _, transform = network.partition(":")
    name = source.rpartition("/")[2].removesuffix(".safetensors")
    return f"{name} ({transform.replace('-', ' ')})" if transform else name


@dataclass(frozen=True)
class Entry:
    """An engine on a network, with so many pictures at a time on so many threads."""

    engine: str
    network: str
    batch: int = 1
    threads: int = 1

    @property
    def key(self) -> str:
        return f"{self.engine} on {self.network}, batch {self.batch}, threads {self.threads}"


@dataclass(frozen=True)
class Contest:
    """Entries that are measured in the same rounds."""

    group: str
    batch: int
    threads: int
    entries: tuple[Entry, ...]
    about: tuple[Entry, ...]
    """Those of ours that the others are compared with."""

    def compares(self, entry: Entry, ours: Entry) -> bool:
        """Whether ``entry`` stands beside ``ours``: it is that network, or one that nobody else is about."""
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

    def contest(self, batch: int, threads: int) -> Contest:
        """All engines. Where pictures or threads are many, ours with one of each runs along."""
        entries = [Entry(OURS, network, batch, threads) for network in (*self.lookup, self.dense)]
        if batch > 1:
            entries += [Entry(OURS, network, 1, threads) for network in self.lookup]
        if threads > 1:
            entries += [Entry(OURS, network, batch, 1) for network in self.lookup]
        if batch == threads == 1:
            entries += [Entry("lcnn-avx2", network) for network in self.lookup]
            entries += [Entry("onnxruntime", network) for network in self.wider]
            entries += [Entry("onnxruntime", network + WRITTEN_OUT) for network in self.written_out]
        entries += [Entry(peer, self.dense, batch, threads) for peer in PEERS]
        about = tuple(Entry(OURS, network, batch, threads) for network in self.lookup)
        return Contest(self.name, batch, threads, tuple(dict.fromkeys(entries)), about)


def groups() -> list[Group]:
    """AlexNet, ResNet-18, the small network, and every model in ``weights``."""
    alexnet = ("alexnet-lcnn-fast", "alexnet-lcnn-accurate")
    resnet = ("resnet18-lookup-fast", "resnet18-lookup-accurate", "resnet18-pruned")
    found = [
        Group("alexnet", alexnet, "alexnet-dense", ("alexnet-dense-wide",), alexnet),
        Group("resnet18", resnet, "resnet18-dense", (), resnet[:2]),
        Group("small", ("small-lookup",), "small-lookup:dense-twin", (), ("small-lookup",)),
    ]
    return [*found, *map(model_group, sorted((ROOT / "weights").glob("*.safetensors")))]


def model_group(path: Path) -> Group:
    """A model file, its name as short as it can be told from ROOT, beside its dense twin."""
    model = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    return Group(path.stem, (model,), f"{model}:dense-twin", (), (model,))


def contests(chosen: Sequence[Group], batches: Sequence[int], threads: Sequence[int]) -> list[Contest]:
    """Every group with every number of pictures and of threads."""
    return [group.contest(batch, count) for group in chosen for batch in batches for count in threads]
