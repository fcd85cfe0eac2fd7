"""Fixtures of the tests of the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import Net, read_model
from lcnn_engine.model.graph import Dense, Flatten
from tests.helpers.image_files import encoded
from tests.helpers.model_files import unchecked_file, valid_graph, valid_tensors, without
from tests.helpers.networks import chain, with_tensors


@pytest.fixture(scope="session")
def small(model_path: Path) -> Net:
    """A classifier of (20, 17, 3) into ten labelled classes, with preprocessing."""
    return Net(*read_model(model_path), threads=1)


@pytest.fixture(scope="session")
def bare() -> Net:
    """A classifier of (6, 6, 3) into two classes, without preprocessing."""
    return Net.load(unchecked_file(without(valid_graph(), "preprocessing"), valid_tensors()), threads=1)


@pytest.fixture(scope="session")
def wide() -> Net:
    """A network that makes many numbers of few."""
    nodes = [Flatten(name="flat", inputs=("image",)), Dense(name="wide", inputs=("flat",), units=4000)]
    return Net(*with_tensors(chain(nodes, (1, 1, 1))), threads=1)


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A PNG of noise."""
    from PIL import Image

    return encoded(Image.fromarray(np.random.default_rng(5).integers(0, 256, (30, 25, 3)).astype(np.uint8)))


@pytest.fixture
def client(small: Net, bare: Net, wide: Net) -> Iterator[Callable[..., Any]]:
    """Make a client of an application of the three networks; what is given are settings."""
    from starlette.testclient import TestClient

    from lcnn_engine.serve.app import create_app
    from lcnn_engine.serve.settings import Settings

    with ExitStack() as stack:

        def make(**settings: Any) -> TestClient:
            app = create_app({"small": small, "bare": bare, "wide": wide}, Settings(**settings))
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield make
