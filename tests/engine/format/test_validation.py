"""The tensors of a graph: which there are, their dtypes, shapes and values, every rule broken alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, write_model
from tests.helpers.model_files import (
    Tensors,
    assert_refused,
    f32,
    in_order,
    replaced,
    unchecked_file,
    valid_graph,
    valid_tensors,
)

TENSORS: dict[str, tuple[Tensors, tuple[str, ...]]] = {
    "missing indptr": (replaced(conv_indptr=None), ("tensor 'conv/indptr': expected I32 of shape (5,), found none",)),
    "missing indices": (replaced(conv_indices=None), ("tensor 'conv/indices': expected I32", "found none")),
    "missing coefficients": (
        replaced(fc_coefficients=None), ("tensor 'fc/coefficients': expected F32 or F16 of shape (3,)",)),
    "missing kernel": (
        replaced(grouped_kernel=None),
        ("tensor 'grouped/kernel': expected F32 or F16 of shape (4, 2, 1, 1), found none",)),
    "missing kernel of a dense layer": (
        replaced(logits_kernel=None), ("tensor 'logits/kernel': ", "(2, 3), found none")),
    "tensor of no node": (
        valid_tensors() | {"none/kernel": f32(1)}, ("tensor 'none/kernel': expected only tensors of",)),
    "tensor that the node has no use for": (
        valid_tensors() | {"flat/kernel": f32(1)},
        ("tensor 'flat/kernel': expected only tensors of the graph's nodes",)),
    "tensor without a node": (valid_tensors() | {"kernel": f32(1)}, ("tensor 'kernel': expected only tensors",)),
    "I32 where floats are due": (
        replaced(conv_bias=np.zeros(4, np.int32)),
        ("tensor 'conv/bias': expected F32 or F16 of shape (4,), found I32 (4,)",)),
    "F32 where integers are due": (
        replaced(conv_indices=f32(5)), ("tensor 'conv/indices': expected I32", "found F32 (5,)")),
    "F16 where integers are due": (
        replaced(conv_indptr=np.zeros(5, np.float16)), ("tensor 'conv/indptr': expected I32", "found F16 (5,)")),
    "bias of another length": (replaced(conv_bias=[1.0] * 3), ("tensor 'conv/bias': ", "(4,), found F32 (3,)")),
    "bias of two axes": (replaced(conv_bias=f32(4, 1)), ("tensor 'conv/bias': ", "(4,), found F32 (4, 1)")),
    "dictionary for other channels": (
        replaced(conv_dictionary=f32(2, 4)),
        ("tensor 'conv/dictionary': expected F32 or F16 of shape (2, 3), found F32 (2, 4)",)),
    "dictionary of one axis": (
        replaced(conv_dictionary=f32(3)), ("tensor 'conv/dictionary': ", "(k, 3), found F32 (3,)")),
    "indptr of another length": (replaced(conv_indptr=[0, 2, 5]), ("tensor 'conv/indptr': ", "(5,), found I32 (3,)")),
    "coefficients not as many as indices": (
        replaced(conv_coefficients=[1.0]),
        ("tensor 'conv/coefficients': expected F32 or F16 of shape (5,), found F32 (1,)",)),
    "kernel for other groups": (
        replaced(grouped_kernel=f32(4, 4, 1, 1)), ("tensor 'grouped/kernel': ", "found F32 (4, 4, 1, 1)")),
    "kernel transposed": (replaced(logits_kernel=f32(3, 2)), ("tensor 'logits/kernel': ", "(2, 3), found F32 (3, 2)")),
    # Values
    "indptr that starts late": (
        replaced(conv_indptr=[1, 2, 2, 3, 5]), ("tensor 'conv/indptr': expected to start at 0, found 1",)),
    "indptr that starts early": (
        replaced(conv_indptr=[-1, 2, 2, 3, 5]), ("tensor 'conv/indptr': ", "start at 0, found -1")),
    "indptr that descends": (
        replaced(conv_indptr=[0, 3, 2, 3, 5]), ("tensor 'conv/indptr': expected not to descend, found 3, 2 at 1",)),
    "indptr that descends as far as 32 bits go": (
        replaced(conv_indptr=[0, 2**31 - 1, -(2**31), 3, 5]), ("tensor 'conv/indptr': expected not to descend",)),
    "indptr that ends early": (
        replaced(conv_indptr=[0, 2, 2, 3, 4]), ("tensor 'conv/indptr': ", "end at", "5, found 4")),
    "indptr that ends late": (
        replaced(conv_indptr=[0, 2, 2, 3, 6]), ("tensor 'conv/indptr': ", "end at", "5, found 6")),
    "index negative": (
        replaced(conv_indices=[-1, 17, 0, 3, 4]), ("tensor 'conv/indices': ", "from 0 to", "17, found -1 at 0")),
    "index beyond kh * kw * k": (
        replaced(conv_indices=[1, 18, 0, 3, 4]),
        ("tensor 'conv/indices': expected indices from 0 to", "17, found 18 at 1")),
    "index beyond the channels": (replaced(fc_indices=[36, 0, 7]), ("tensor 'fc/indices': ", "35, found 36 at 0")),
    "index repeated in a filter": (
        replaced(conv_indices=[1, 17, 0, 3, 3]),
        ("tensor 'conv/indices': ", "ascend strictly", "found 3, 3 in filter 3")),
    "indices unsorted in a filter": (
        replaced(conv_indices=[17, 1, 0, 3, 4]),
        ("tensor 'conv/indices': ", "ascend strictly", "found 17, 1 in filter 0")),
    "NaN in a dictionary": (
        replaced(conv_dictionary=[[1, 2, np.nan], [0] * 3]),
        ("tensor 'conv/dictionary': expected finite", "nan at (0, 2)")),
    "infinity in a bias": (replaced(logits_bias=[0, np.inf]), ("tensor 'logits/bias': expected finite", "inf at (1,)")),
    "infinity in coefficients": (
        replaced(fc_coefficients=[-np.inf, 1, 1]), ("tensor 'fc/coefficients': ", "-inf at (0,)")),
    "NaN in a kernel": (
        replaced(grouped_kernel=f32(4, 2, 1, 1) * np.nan), ("tensor 'grouped/kernel': ", "nan at (0, 0, 0, 0)")),
    "infinity in fp16": (
        replaced(logits_bias=np.array([1, np.inf], np.float16)),
        ("tensor 'logits/bias': expected finite values, found inf",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", TENSORS)
def test_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    tensors, fragments = TENSORS[rule]
    assert_refused(unchecked_file(valid_graph(), tensors), fragments)
    path = tmp_path / "model.safetensors"
    with pytest.raises(ModelFormatError) as writing:
        write_model(valid_graph(), tensors, path)
    assert in_order(str(writing.value), (f"{path}: ", *fragments)), str(writing.value)
    assert list(tmp_path.iterdir()) == []
