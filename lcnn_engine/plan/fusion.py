"""Which nodes run at all, and which run as one step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..model.graph import Activated, Activation, Conv2D, Graph, LookupConv2D, Node, Pool2D


class FusedNode(NamedTuple):
    """One node to run, its activation (perhaps that of a later node), and the name its result goes by."""

    node: Node
    activation: str
    alpha: float
    result: str


def needed_nodes(graph: Graph, outputs: Iterable[str]) -> list[Node]:
    """Find the nodes that ``outputs`` depend on, in execution order."""
    wanted = set(outputs)
    needed = []
    for node in reversed(graph.nodes):
        if node.name in wanted:
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def fuse(nodes: list[Node], outputs: Iterable[str]) -> list[FusedNode]:
    """Join activation nodes to the node before where nobody else reads that, and it has no activation yet."""
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in set(node.inputs):
            readers.setdefault(name, []).append(node)
    kept = set(outputs)
    absorbed: set[str] = set()
    fused = []
    for node in nodes:
        if node.name in absorbed:
            continue
        activation, alpha = getattr(node, "activation", "linear"), getattr(node, "alpha", None)
        follower = readers.get(node.name, [None])[0] if len(readers.get(node.name, ())) == 1 else None
        joins = isinstance(node, Activated) and activation == "linear" and node.name not in kept
        result = node.name
        if joins and isinstance(follower, Activation):
            absorbed.add(follower.name)
            activation, alpha, result = follower.activation, follower.alpha, follower.name
        fused.append(FusedNode(node, activation, float(alpha or 0.0), result))
    return fused


def join_pools(fused: list[FusedNode], outputs: Iterable[str]) -> list[tuple[FusedNode, FusedNode | None]]:
    """Pair each pool with the convolution before it, where nobody else reads what that computes; all in order."""
    kept = set(outputs)
    readers: dict[str, list[FusedNode]] = {}
    for one in fused:
        for name in one.node.inputs:
            readers.setdefault(name, []).append(one)
    joined: set[str] = set()
    pairs: list[tuple[FusedNode, FusedNode | None]] = []
    for one in fused:
        if one.result in joined:
            continue
        following = readers.get(one.result, [])
        pool = None
        if isinstance(one.node, Conv2D | LookupConv2D) and one.result not in kept and len(following) == 1:
            pool = following[0] if isinstance(following[0].node, Pool2D) else None
        if pool:
            joined.add(pool.result)
        pairs.append((one, pool))
    return pairs
