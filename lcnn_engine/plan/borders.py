"""The border of zeros around every value: as wide as its consumers read, and as it suits their loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..model.graph import Conv2D, Convolution, Graph, LookupConv2D, Node, Pool2D
from .fusion import FusedNode
from .layout import LINE, NO_BORDER, Border, round_up, whole_lines
from .machine import Machine


class LookupUse(NamedTuple):
    """What a lookup layer makes of its input: how many lookups it has, whether all filters share theirs with others,
    and whether there is a dictionary between."""

    lookups: int
    shared: bool = False
    dictionary: bool = True

    @property
    def strides_in_place(self) -> bool:
        """Whether a stride needs no copy split by it."""
        return self.shared and not self.dictionary


def reads_border(node: Node, uses: Mapping[str, LookupUse]) -> bool:
    """Tell whether ``node`` reads its input's zero border in place.

    Lookups of a strided layer read a copy split by stride, unless their filters share them; S is made of such a copy.
    """
    if not isinstance(node, LookupConv2D):
        return isinstance(node, Conv2D)
    return node.strides == (1, 1) or uses[node.name].strides_in_place


def borders_of(
    graph: Graph, fused: Sequence[FusedNode], uses: Mapping[str, LookupUse], machine: Machine
) -> dict[str, Border]:
    """Choose the border of every value: the widest that a consumer reads, and as consumers read it fastest.

    ``uses``: of every lookup layer, by node.
    """
    result = _as_wide_as_read(fused, uses)
    _make_rows_whole_lines(result, graph, fused, uses, machine)
    _align_for_pools(result, graph, fused)
    return result


def _as_wide_as_read(fused: Sequence[FusedNode], uses: Mapping[str, LookupUse]) -> dict[str, Border]:
    result: dict[str, Border] = {}
    for one in fused:
        node = one.node
        padding = node.padding if isinstance(node, Convolution) and reads_border(node, uses) else NO_BORDER
        for name in node.inputs:
            top, bottom, left, right = (max(pair) for pair in zip(result.get(name, NO_BORDER), padding, strict=True))
            result[name] = (top, bottom, left, right)
    return result


def _make_rows_whole_lines(
    borders: dict[str, Border],
    graph: Graph,
    fused: Sequence[FusedNode],
    uses: Mapping[str, LookupUse],
    machine: Machine,
) -> None:
    """Widen the right border of what a layer with many lookups reads in place, so that rows are whole cache lines."""
    for node in (one.node for one in fused):
        if not isinstance(node, LookupConv2D) or not reads_border(node, uses) or uses[node.name].shared:
            continue
        if uses[node.name].lookups >= machine.many_lookups * node.filters:
            name = node.inputs[0]
            top, bottom, left, right = borders[name]
            width = graph.shapes[name][1]
            row = whole_lines(left + width + right, machine.line_share)
            borders[name] = (top, bottom, left, right if row % LINE else row - width)


def _align_for_pools(borders: dict[str, Border], graph: Graph, fused: Sequence[FusedNode]) -> None:
    """Let the windows of what only pools read begin on cache lines: by the columns of padding before a row, and a right
    border that fills its last line. Most vectors of a row of 55 pixels would straddle two lines.

    Rows are never made longer by more than themselves: of narrow images most would be border.
    """
    others = {name for one in fused if not isinstance(one.node, Pool2D) for name in one.node.inputs}
    for node in (one.node for one in fused):
        if isinstance(node, Pool2D) and node.inputs[0] not in others:
            width, left = graph.shapes[node.inputs[0]][1], node.padding[2]
            right = round_up(left + width, LINE) - width
            borders[node.inputs[0]] = (0, 0, left, right) if right <= width else NO_BORDER
