"""A folder to run the page's commands in. Where the tests stand alone, without page and examples, there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.deploy_page import PAGE, Clone

collect_ignore_glob = [] if PAGE.is_file() else ["test_*.py"]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One for all tests of a file, for what takes long to build."""
    return Clone(tmp_path_factory.mktemp("clone"))
