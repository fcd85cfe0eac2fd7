"""A profile of a small classifier and of its dense equivalent."""

from __future__ import annotations

import pytest

from lcnn_engine import Net
from lcnn_engine.analysis.profile import Profile
from tests.helpers.networks import images, small_classifier


@pytest.fixture(scope="package")
def profile() -> Profile:
    graph, tensors = small_classifier()
    return Net(graph, tensors, threads=1).profile(images(graph)[0], runs=3, dense=True)
