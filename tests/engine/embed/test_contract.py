"""The number that plans and kernels must agree on; that C makes the same, every plan that opens shows."""

from __future__ import annotations

import pytest

from lcnn_engine.embed import contract as module
from lcnn_engine.embed.contract import contract


def test_it_is_one_word() -> None:
    assert 0 < contract() < 2**64
    assert contract() == contract()


def test_whatever_kernels_and_plans_share_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {contract()}
    kernels = list(module.LAYOUTS)
    changes = [
        ("LAYOUTS", {name: module.LAYOUTS[name] for name in reversed(kernels)}),
        ("LAYOUTS", module.LAYOUTS | {kernels[0]: module.LAYOUTS[kernels[0]][1:]}),
        ("ACTIVATION_CODES", {**module.ACTIVATION_CODES, "other": 99}),
        ("CONSTANTS", module.CONSTANTS | {"LINE": 32}),
    ]
    for name, changed in changes:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, changed)
            numbers.add(contract())
    assert len(numbers) == 1 + len(changes)
