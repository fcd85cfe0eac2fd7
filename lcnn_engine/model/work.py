"""How much a network computes, as a bound on its time: known from shapes alone, before its numbers are read.

A file of a few bytes can ask for any amount of work, for a window may slide over padding and S spans it. What is
counted are multiplications of one input by the paper's rule (``analysis/cost.py``), and what other operations do for
each number as if they were such: comparisons and sums of a pool's window, what a table reads, or a value looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ModelFormatError
from ..utils.messages import shown
from .graph import (
    LRN,
    Conv2D,
    Dense,
    Graph,
    LookupConv2D,
    LookupDense,
    Node,
    Pool2D,
    Shape,
    Tabled,
    elements,
)

__all__ = ["MAX_MULTIPLICATIONS", "check_work", "work_of"]

MAX_MULTIPLICATIONS = 10**12  # ten times those of the largest classifiers; seconds on one core, minutes on a slow one


def work_of(graph: Graph, node: Node, tensors: Mapping[str, Shape]) -> int:
    """Count what ``node`` computes for one input. ``tensors``: shapes by name, of a graph that they fit."""
    sources, made = [graph.shapes[name] for name in node.inputs], elements(graph.shapes[node.name])
    if isinstance(node, (Conv2D, Dense)):
        return made * elements(tensors[f"{node.name}/kernel"][1:])
    if isinstance(node, (LookupConv2D, LookupDense)):
        pixels = elements(node.padded(sources[0])[:2]) if isinstance(node, LookupConv2D) else 1
        dictionary = tensors.get(f"{node.name}/dictionary", ())
        of_dictionary = pixels * elements(dictionary) if dictionary else 0
        return of_dictionary + tensors[f"{node.name}/indices"][0] * (made // graph.shapes[node.name][-1])
    each = 1
    if isinstance(node, Pool2D):
        each = elements(node.window())
    elif isinstance(node, LRN):
        each = min(2 * node.depth_radius + 1, sources[0][-1])
    elif isinstance(node, Tabled):
        each = node.taps()
    return max(made * each, sum(map(elements, sources)))


def check_work(graph: Graph, tensors: Mapping[str, Shape], max_multiplications: int) -> None:
    """Hold what a network computes for one input to its bound; ``tensors`` as for :func:`work_of`.

    Raises ModelFormatError, which names the node that computes most.
    """
    work = {node.name: work_of(graph, node, tensors) for node in graph.nodes}
    total = sum(work.values())
    if total > max_multiplications:
        most = max(work, key=work.__getitem__)
        raise ModelFormatError(
            f"node {shown(most)}: expected at most {max_multiplications} multiplications for one input in all "
            f"(max_multiplications), found {total}, of which {work[most]} are here; raise it if that is meant"
        )
