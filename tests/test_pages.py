"""The pages: what they link to and what files they name is there, and the two that must stay short are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
NOT_OURS = {"build", "dist", "node_modules", "runs", "venv"}
FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
NAMED_FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:c|csv|h|md|pxd|py|pyi|pyx|txt|yaml))`")
PLACEHOLDER = re.compile(r"NAME|FOLDER|CONFIG|MODEL\b")  # a file that a reader is told to make

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="the tests stand alone, without the pages")


def files_below(folder: Path) -> Iterator[Path]:
    """All files, but for hidden folders and what is built or trained."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in NOT_OURS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from files_below(path)
        else:
            yield path


@lru_cache(maxsize=1)
def all_files() -> tuple[str, ...]:
    """Every file of the project, as a path from its root with a slash before it."""
    return tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in files_below(ROOT))


def pages() -> list[Path]:
    return [ROOT / name[1:] for name in all_files() if name.endswith(".md")]


@cache
def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Names of a page's headings, as GitHub makes them: lower case, spaces to hyphens, other signs dropped."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_pages():
    names = {page.relative_to(ROOT).as_posix() for page in pages()}
    assert {"README.md", "ARCHITECTURE.md", "docs/results.md", "docs/experiments.md"} <= names


def test_links_lead_somewhere():
    dead = []
    for page in pages():
        for link in LINK.findall(prose(page)):
            if re.match(r"[a-z]+:", link):  # of another site
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert not dead


def test_named_files_exist():
    """A file named with its folder is there, whichever room its path begins in."""
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages()
        for name in NAMED_FILE.findall(prose(page))
        if not PLACEHOLDER.search(name) and not any(file.endswith(f"/{name}") for file in all_files())
    ]
    assert not missing


@pytest.mark.parametrize("package", ["lcnn_engine", "lcnn_train"])
def test_the_layout_names_every_room(package: str):
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in files_below(ROOT / package) if path.name == "__init__.py"} - {package}
    assert len(rooms) > 5
    assert not {room for room in rooms if f"{room}/" not in page}


@pytest.mark.parametrize(("name", "most"), [("ARCHITECTURE.md", 250), ("README.md", 160)])
def test_stays_short(name: str, most: int):
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= most
