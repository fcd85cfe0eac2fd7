"""Which nodes run at all, which run as one step, and what borders their consumers need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model.graph import Activated, Activation, Conv2D, Convolution, Graph, LookupConv2D, Node, Pool2D
from .memory import LINE, NO_BORDER, Border, whole_lines

MANY_LOOKUPS = 8  # of a filter: they gain more by longer rows than S = D X loses


@dataclass(frozen=True)
class Task:
    """One node to run, its activation (perhaps that of a later node), and the name its result goes by."""

    node: Node
    activation: str
    alpha: float
    result: str


def needed_nodes(graph: Graph, outputs: Iterable[str]) -> list[Node]:
    """Nodes that ``outputs`` depend on, in execution order."""
    wanted = set(outputs)
    needed = []
    for node in reversed(graph.nodes):
        if node.name in wanted:
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def fuse(nodes: list[Node], outputs: Iterable[str]) -> list[Task]:
    """An activation node joins the node before it where nobody else reads that node and it has no activation yet."""
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in set(node.inputs):
            readers.setdefault(name, []).append(node)
    kept = set(outputs)
    absorbed: set[str] = set()
    tasks = []
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
        tasks.append(Task(node, activation, float(alpha or 0.0), result))
    return tasks


def join_pools(tasks: list[Task], outputs: Iterable[str]) -> list[tuple[Task, Task | None]]:
    """Tasks in order; a pool comes with the convolution before it where nobody else reads what that computes."""
    kept = set(outputs)
    readers: dict[str, list[Task]] = {}
    for task in tasks:
        for name in task.node.inputs:
            readers.setdefault(name, []).append(task)
    joined: set[str] = set()
    pairs: list[tuple[Task, Task | None]] = []
    for task in tasks:
        if task.result in joined:
            continue
        next_tasks = readers.get(task.result, [])
        pool = None
        if isinstance(task.node, Conv2D | LookupConv2D) and task.result not in kept and len(next_tasks) == 1:
            pool = next_tasks[0] if isinstance(next_tasks[0].node, Pool2D) else None
        if pool:
            joined.add(pool.result)
        pairs.append((task, pool))
    return pairs


def reads_border(node: Node) -> bool:
    """Whether ``node`` reads its input's zero border in place; strided lookups read a copy split by stride."""
    return isinstance(node, Conv2D) or (isinstance(node, LookupConv2D) and node.strides == (1, 1))


def borders(graph: Graph, tasks: list[Task], lookups: Mapping[str, int]) -> dict[str, Border]:
    """The border of every value: the widest that a consumer reads, side by side.

    The right border of what a layer with many ``lookups`` (by node) reads in place may be wider, so that rows are whole
    cache lines.
    What only pools read gets a border that makes their windows begin on cache lines: the columns of padding before a
    row, and a right border that fills its last line. Most vectors of a row of 55 pixels would straddle two lines. Rows
    are never made longer by more than themselves: of narrow pictures most would be border.
    """
    result: dict[str, Border] = {}
    for task in tasks:
        for name in task.node.inputs:
            padding = task.node.padding if isinstance(task.node, Convolution) and reads_border(task.node) else NO_BORDER
            top, bottom, left, right = (max(pair) for pair in zip(result.get(name, NO_BORDER), padding, strict=True))
            result[name] = (top, bottom, left, right)
    for task in tasks:
        node = task.node
        if isinstance(node, LookupConv2D) and reads_border(node) and lookups[node.name] >= MANY_LOOKUPS * node.filters:
            name = node.inputs[0]
            top, bottom, left, right = result[name]
            row = left + graph.shapes[name][1] + right
            result[name] = (top, bottom, left, right + whole_lines(row) - row)
    others = {name for task in tasks if not isinstance(task.node, Pool2D) for name in task.node.inputs}
    for task in tasks:
        if isinstance(task.node, Pool2D) and task.node.inputs[0] not in others:
            width, left = graph.shapes[task.node.inputs[0]][1], task.node.padding[2]
            right = -(left + width) % LINE
            result[task.node.inputs[0]] = (0, 0, left, right) if left + right <= width else NO_BORDER
    return result
