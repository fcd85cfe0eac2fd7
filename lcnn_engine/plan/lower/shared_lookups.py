"""Lowering of filters that share their lookups: groups of them in lanes."""

from __future__ import annotations

import numpy as np

from ...kernels import CONSTANTS
from ..calls import KernelCall, StepKind
from ..fields import LookupShared
from ..fusion import FusedNode
from ..layout import LINE
from ..lookup_orders import Lookups
from ..lowering import Lowering
from ..packing import Packing
from ..references import Map, Place
from .bands import Way
from .planes import Planes

SHARED_LANES = CONSTANTS["SHARED_LANES"]  # filters of a group


def shared_lookups(
    lowering: Lowering, fused: FusedNode, s: Planes, lookups: Lookups, offsets: np.ndarray, groups: np.ndarray
) -> Way:
    """Give the way of filters in ``groups`` (g, SHARED_LANES), -1 where there is none, with the same ``offsets`` each.

    ``offsets`` (nnz,) of all filters are counted from the buffer of S.
    """
    counts = np.diff(lookups.indptr)[groups[:, 0]]
    fields = _fields(lowering, fused, s, lookups, offsets, groups)
    called = "lookup_shared_bf16" if lookups.coefficients.dtype == np.uint32 else "lookup_shared"
    height, width, _ = lowering.shape(fused.node.name) if len(lowering.shape(fused.node.name)) == 3 else (1, 1, 0)
    rows = min(height, max(1, lowering.machine.shared_unit_pixels // width))

    def compute(step: int, out: Map, row: int) -> KernelCall:
        per_unit = min(rows, out.height)
        return KernelCall(
            step,
            called,
            fields._replace(s=fields.s.moved(row * s.row * s.strides[0]), rows_per_unit=per_unit),
            (),
            out,
            units=len(groups) * -(-out.height // per_unit),
            work=int(counts.sum()) * SHARED_LANES * out.height * out.width,
            scratch=(per_unit * out.row + LINE) * SHARED_LANES,
            reads=s.channels * len(s.phases) * per_unit * s.strides[0] * s.row,
        )

    return Way(StepKind.LOOKUP_SHARED, f"{called.replace('_', ' ')} {SHARED_LANES}", compute)


def _fields(
    lowering: Lowering, fused: FusedNode, s: Planes, lookups: Lookups, offsets: np.ndarray, groups: np.ndarray
) -> LookupShared:
    """Fill in all but the rows of a unit."""
    name = fused.node.name
    counts = np.diff(lookups.indptr)[groups[:, 0]].astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    # Where lookup j of the group's lane l is among those of all filters: (lookups of all groups, lanes).
    number = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    entries = lookups.indptr[groups].repeat(counts, axis=0) + number[:, None]
    empty = (groups < 0).repeat(counts, axis=0)
    coefficients = np.where(
        empty, lookups.coefficients.dtype.type(0), lookups.coefficients[np.where(empty, 0, entries)]
    )
    bias = np.where(groups < 0, np.float32(0), lowering.bias(name, len(lookups.indptr) - 1)[groups])
    packing = Packing.WORDS if coefficients.dtype == np.uint32 else Packing.FLOATS
    packed = lowering.constant(f"{name}/shared coefficients", coefficients, packing)
    biases = lowering.floats(f"{name}/shared bias", bias)
    assert biases is not None
    return LookupShared(
        indptr=lowering.integers(f"{name}/shared indptr", indptr),
        offsets=lowering.integers(f"{name}/shared offsets", offsets[entries[:, 0]]),
        order=lowering.integers(f"{name}/shared order", groups),
        coefficients=packed,
        bias=biases,
        groups=len(groups),
        s=Place(s.start.buffer),
        s_row=s.row,
        stride_h=s.strides[0],
        stride_w=s.strides[1],
        rows_per_unit=0,
        activation=fused.activation,
        alpha=fused.alpha,
    )
