"""The reference implementation of every operation, in plain NumPy: the definition of correct.

The kernels are held to this module, so it is written to be read beside the paper and MODEL_FORMAT.md, not to be fast.
Every function takes and gives float32 and calculates in float64 in between, so that its own rounding is far below
the differences it is there to judge. Images are (H, W, C), vectors (C,); attributes are keywords, named and shaped
as in MODEL_FORMAT.md. Nothing is validated here but what :func:`evaluate` is given: shapes are the graph's to check.

A function with ``@_operation`` over it defines the operation of its own name; activations are in ``activations.py``,
operations that move values in ``reference_geometry.py``, norms and the like in ``reference_channelwise.py``.

Legend, the letters of the paper (sections 3.1 and 3.2): n filters, m input channels, k dictionary atoms,
D the dictionary (k, m), I the lookup indices, C their coefficients, S = D * X, P the sparse kernel (n, kh*kw*k)
that I and C spell out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MissingPackageError, ModelFormatError
from .activations import ACTIVATION_FUNCTIONS
from .reference_channelwise import CHANNELWISE, narrow, wide
from .reference_channelwise import batch_norm as batch_norm  # these seven by their old names, too
from .reference_channelwise import channel_max as channel_max
from .reference_channelwise import channel_mean as channel_mean
from .reference_channelwise import group_norm as group_norm
from .reference_channelwise import layer_norm as layer_norm
from .reference_channelwise import lrn as lrn
from .reference_channelwise import prelu as prelu
from .reference_geometry import GEOMETRY

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["apply", "evaluate", "sparse_kernel", "tensors_by_node"]

Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = Sequence[int]
Padding: TypeAlias = Sequence[int]  # top, bottom, left, right

OPERATIONS: dict[str, Callable[..., Float32]] = GEOMETRY | CHANNELWISE
_Function = TypeVar("_Function", bound=Callable[..., Float32])


def _operation(function: _Function) -> _Function:
    """Enter a function in OPERATIONS, under its own name."""
    OPERATIONS[function.__name__] = function
    return function


def _sum(terms: Iterable[Float64]) -> Float64:
    return reduce(np.add, terms)


def _activate(x: Float64, activation: str, alpha: float | None) -> Float32:
    return narrow(ACTIVATION_FUNCTIONS[activation].function(x, alpha or 0.0))


# ---------------------------------------------------------------------------------------------------- convolutions


def _pad(x: Float64, padding: Padding, value: float = 0.0) -> Float64:
    top, bottom, left, right = padding
    return np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=value)


def _shifts(x: Float64, window: Pair, strides: Pair = (1, 1), dilation: Pair = (1, 1)) -> list[Float64]:
    """Give for each tap (r, c), rows first, what it reads at every output position (y, x): x[y*sh + r*dh, x*sw + c*dw].

    ``x`` (H, W, C) is padded already; the results are views (output height, output width, C).
    """
    (kh, kw), (sh, sw), (dh, dw) = window, strides, dilation
    height = (x.shape[0] - (kh - 1) * dh - 1) // sh + 1
    width = (x.shape[1] - (kw - 1) * dw - 1) // sw + 1
    rows = [slice(r * dh, r * dh + (height - 1) * sh + 1, sh) for r in range(kh)]
    columns = [slice(c * dw, c * dw + (width - 1) * sw + 1, sw) for c in range(kw)]
    return [x[r, c] for r in rows for c in columns]


def sparse_kernel(
    indptr: NDArray[np.int32], indices: NDArray[np.int32], coefficients: NDArray[Any], columns: int
) -> scipy.sparse.csr_array:
    """Make P (n, kh*kw*k) in float64 from I and C: P[o, (r*kw + c)*k + d] is filter o's part of atom d at tap (r, c).

    ``indptr`` (n+1,), ``indices`` and ``coefficients`` (nnz,), ``columns`` kh*kw*k. The paper's section 3.2 the other
    way round: training makes P, export reads I and C off it. Raises MissingPackageError without SciPy.
    """
    try:
        from scipy.sparse import csr_array  # here, because its import is slow and only the reference needs it
    except ImportError as error:
        raise MissingPackageError(
            'expected SciPy, which the reference of lookups needs, found none; install it: pip install "lcnn[verify]"'
        ) from error
    return csr_array((wide(coefficients), indices, indptr), shape=(len(indptr) - 1, columns))


@_operation
def lookup_conv2d(
    x: Float32,
    *,
    indptr: NDArray[np.int32],
    indices: NDArray[np.int32],
    coefficients: Float32,
    dictionary: Float32 | None = None,
    bias: Float32 | None = None,
    filters: int,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    activation: str = "linear",
    alpha: float | None = None,
) -> Float32:
    """S = D * X, then Y = act(bias + sum over the taps of P[tap] @ shifted S): sections 3.1 and 3.2 of the paper.

    x (H, W, m), dictionary (k, m) or None for the identity, indptr (n+1,), indices and coefficients (nnz,),
    bias (n,) or None -> (H', W', n).
    """
    S = wide(x) if dictionary is None else wide(x) @ wide(dictionary).T
    S = _pad(S, padding)  # D has no bias, so S is 0 wherever X is
    (kh, kw), k = kernel_size, S.shape[-1]
    P = sparse_kernel(indptr, indices, coefficients, kh * kw * k).tocsc()  # by columns: a tap is a range of them
    taps = _shifts(S, kernel_size, strides, dilation)
    height, width = taps[0].shape[:2]
    Y = _sum(P[:, tap * k : (tap + 1) * k] @ shifted.reshape(height * width, k).T for tap, shifted in enumerate(taps))
    Y = Y.T.reshape(height, width, filters)
    return _activate(Y if bias is None else Y + wide(bias), activation, alpha)


@_operation
def lookup_dense(
    x: Float32,
    *,
    indptr: NDArray[np.int32],
    indices: NDArray[np.int32],
    coefficients: Float32,
    dictionary: Float32 | None = None,
    bias: Float32 | None = None,
    units: int,
    activation: str = "linear",
    alpha: float | None = None,
) -> Float32:
    """S = D @ x, then y = act(bias + P @ S): a lookup convolution on one pixel. x (m,) -> (units,)."""
    S = wide(x) if dictionary is None else wide(dictionary) @ wide(x)
    y = sparse_kernel(indptr, indices, coefficients, len(S)) @ S
    return _activate(y if bias is None else y + wide(bias), activation, alpha)


@_operation
def conv2d(
    x: Float32,
    *,
    kernel: Float32,
    bias: Float32 | None = None,
    filters: int,
    kernel_size: Pair,
    strides: Pair = (1, 1),
    padding: Padding = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    activation: str = "linear",
    alpha: float | None = None,
) -> Float32:
    """Y[o] = act(bias[o] + sum over taps and the channels of o's group of kernel * shifted X).

    x (H, W, m), kernel (n, m/groups, kh, kw), bias (n,) or None -> (H', W', n). Filters and channels are split into
    groups in order: the first n/groups filters see the first m/groups channels.
    """
    taps = _shifts(_pad(wide(x), padding), kernel_size, strides, dilation)

    def tap_product(tap: int) -> Float64:
        r, c = divmod(tap, kernel_size[1])
        W = wide(kernel[:, :, r, c]).reshape(groups, filters // groups, -1)
        pixels = taps[tap].reshape(-1, groups, kernel.shape[1])  # positions, groups, m/groups
        return pixels.transpose(1, 0, 2) @ W.transpose(0, 2, 1)  # groups, positions, n/groups

    Y = _sum(map(tap_product, range(len(taps))))
    Y = Y.transpose(1, 0, 2).reshape(*taps[0].shape[:2], filters)
    return _activate(Y if bias is None else Y + wide(bias), activation, alpha)


@_operation
def dense(
    x: Float32,
    *,
    kernel: Float32,
    bias: Float32 | None = None,
    units: int,
    activation: str = "linear",
    alpha: float | None = None,
) -> Float32:
    """y = act(bias + kernel @ x). x (m,), kernel (n, m), bias (n,) or None -> (n,)."""
    y = wide(kernel) @ wide(x)
    return _activate(y if bias is None else y + wide(bias), activation, alpha)


# ----------------------------------------------------------------------------------------------------------- pools


@_operation
def max_pool2d(x: Float32, *, pool_size: Pair, strides: Pair = (1, 1), padding: Padding = (0, 0, 0, 0)) -> Float32:
    """Take the max of each window; padding never wins. (H, W, C) -> (H', W', C)."""
    return narrow(reduce(np.maximum, _shifts(_pad(wide(x), padding, -np.inf), pool_size, strides)))


@_operation
def avg_pool2d(x: Float32, *, pool_size: Pair, strides: Pair = (1, 1), padding: Padding = (0, 0, 0, 0)) -> Float32:
    """Take the mean of what each window holds of the image; padding does not count. (H, W, C) -> (H', W', C)."""
    inside = np.ones((*x.shape[:2], 1))
    total = _sum(_shifts(_pad(wide(x), padding), pool_size, strides))
    return narrow(total / _sum(_shifts(_pad(inside, padding), pool_size, strides)))


@_operation
def global_avg_pool2d(x: Float32) -> Float32:
    """Take the mean of every channel. (H, W, C) -> (C,)."""
    return narrow(wide(x).mean(axis=(0, 1)))


@_operation
def global_max_pool2d(x: Float32) -> Float32:
    """Take the max of every channel. (H, W, C) -> (C,)."""
    return narrow(wide(x).max(axis=(0, 1)))


# ---------------------------------------------------------------------------------------------------------- shapes


@_operation
def zero_pad2d(x: Float32, *, padding: Padding) -> Float32:
    """Put zeros around the image. (H, W, C) -> (top + H + bottom, left + W + right, C)."""
    return narrow(_pad(wide(x), padding))


@_operation
def flatten(x: Float32) -> Float32:
    """Make a vector of an image, in C order. (H, W, C) -> (H*W*C,)."""
    return narrow(wide(x).reshape(-1))


@_operation
def concat(*xs: Float32) -> Float32:
    """Put channels after one another. (H, W, C1), (H, W, C2), ... -> (H, W, C1 + C2 + ...), or the same of (C,)."""
    return narrow(np.concatenate([wide(x) for x in xs], axis=-1))


# ------------------------------------------------------------------------------- value by value, and across channels


@_operation
def activation(x: Float32, *, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(x), of any shape."""
    return _activate(wide(x), activation, alpha)


@_operation
def softmax(x: Float32) -> Float32:
    """y = exp(x) / sum of exp(x) over the last axis, shifted by the max of x so that nothing overflows."""
    e = np.exp(wide(x) - np.max(x, axis=-1, keepdims=True))
    return narrow(e / e.sum(axis=-1, keepdims=True))


@_operation
def log_softmax(x: Float32) -> Float32:
    """y = x - log(sum of exp(x)) over the last axis, shifted by the max of x so that nothing overflows."""
    shifted = wide(x) - np.max(x, axis=-1, keepdims=True)
    return narrow(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


@_operation
def add(*xs: Float32, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(x1 + x2 + ...); inputs (1, 1, C) and (C,) are repeated over the image, (H, W, 1) over the channels."""
    return _activate(_sum(map(wide, xs)), activation, alpha)


@_operation
def multiply(*xs: Float32, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(x1 * x2 * ...); inputs are repeated as in ``add``."""
    return _activate(reduce(np.multiply, map(wide, xs)), activation, alpha)


@_operation
def subtract(x: Float32, other: Float32, *, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(x - other); either may be repeated, as in ``add``."""
    return _activate(wide(x) - wide(other), activation, alpha)


@_operation
def divide(x: Float32, other: Float32, *, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(x / other); either may be repeated, as in ``add``. Division by 0 gives inf or NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _activate(wide(x) / wide(other), activation, alpha)


@_operation
def maximum(*xs: Float32, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(max(x1, x2, ...)); inputs are repeated as in ``add``."""
    return _activate(reduce(np.maximum, map(wide, xs)), activation, alpha)


@_operation
def minimum(*xs: Float32, activation: str = "linear", alpha: float | None = None) -> Float32:
    """y = act(min(x1, x2, ...)); inputs are repeated as in ``add``."""
    return _activate(reduce(np.minimum, map(wide, xs)), activation, alpha)


@_operation
def constant(*, value: Float32, shape: Sequence[int]) -> Float32:
    """Give what the model holds, of ``shape``."""
    return narrow(wide(value).reshape(shape))


# ---------------------------------------------------------------------------------------------------- a whole graph


class NodeLike(Protocol):
    """What :func:`evaluate` needs of a node; ``graph.Node`` has it."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def inputs(self) -> Sequence[str]: ...
    def attributes(self) -> Mapping[str, Any]: ...


def evaluate(
    graph: Any, tensors: Mapping[str, NDArray[Any]], x: NDArray[Any], definition: Callable[..., Float32] | None = None
) -> dict[str, Float32]:
    """Compute every node's float32 result, by name and in the graph's order, for one preprocessed input ``x``.

    ``graph`` is a ``graph.Graph`` or anything with its ``input.name``, ``input.shape`` and ``nodes``; ``tensors`` are
    named ``<node>/<tensor>``; ``definition``: what computes a node, :func:`apply` if None.

    Raises InputError if ``x`` is not of the input's shape, ModelFormatError for an operation that this module does not
    have.
    """
    if x.shape != tuple(graph.input.shape):
        raise InputError(f"expected an input of shape {tuple(graph.input.shape)}, got {x.shape}")
    by_node = tensors_by_node(tensors)
    values: dict[str, Float32] = {graph.input.name: np.asarray(x, dtype=np.float32)}
    for node in graph.nodes:
        values[node.name] = (definition or apply)(node, [values[name] for name in node.inputs], by_node[node.name])
    del values[graph.input.name]
    return values


def tensors_by_node(tensors: Mapping[str, NDArray[Any]]) -> defaultdict[str, dict[str, NDArray[Any]]]:
    """Sort tensors named ``<node>/<tensor>`` by their nodes, each under its own name."""
    by_node: defaultdict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
    for name, tensor in tensors.items():
        node_name, _, tensor_name = name.rpartition("/")
        by_node[node_name][tensor_name] = tensor
    return by_node


def apply(node: NodeLike, inputs: Sequence[Float32], tensors: Mapping[str, NDArray[Any]]) -> Float32:
    """Compute one node of its inputs; ``tensors`` go by their names in the node.

    Raises ModelFormatError for an operation that this module does not have.
    """
    if node.op not in OPERATIONS:
        raise ModelFormatError(f"node {node.name!r}: expected one of {', '.join(OPERATIONS)}, found {node.op!r}")
    return OPERATIONS[node.op](*inputs, **tensors, **node.attributes())
