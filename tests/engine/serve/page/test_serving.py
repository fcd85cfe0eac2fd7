"""The routes of the page: its files, their headers, and the list of models."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest

import lcnn_engine

from .conftest import DIGITS, SIGNS

FOLDER = Path(lcnn_engine.__file__).parent / "serve" / "page"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".html", ".css", ".js", ".svg"))


def get(address: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for a path as it is written, and give status, headers and body."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def test_the_page_is_at_the_root(address: str):
    status, headers, body = get(address, "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert body == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_files_come_with_a_strict_policy(address: str, name: str):
    status, headers, body = get(address, f"/page/{name}")
    assert (status, body) == (200, (FOLDER / name).read_bytes())
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_browser_that_has_a_file_gets_it_once(address: str):
    _, headers, _ = get(address, "/page/main.js")
    status, again, body = get(address, "/page/main.js", **{"If-None-Match": f'W/{headers["etag"]}, "another"'})
    assert (status, body) == (304, b"")
    assert again["etag"] == headers["etag"]
    assert get(address, "/page/main.js", **{"If-None-Match": '"another"'})[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/nothing.js", "/page/serving.py", "/page/__init__.py", "/page/../serving.py",
     "/page/%2e%2e%2fapp.py", "/page//etc/passwd", "/page/index.html/", "/page/%00"],
)  # fmt: skip
def test_nothing_else_is_handed_out(address: str, path: str):
    status, _, body = get(address, path)
    assert status == 404
    assert b"import" not in body


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_loaded_from_another_place(name: str):
    text = (FOLDER / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"(?:https?:)?//\w[\w.-]+\.\w+/", text.replace("http://HOST:PORT/", ""))
    assert not re.search(r"@import|url\(|innerHTML|outerHTML|insertAdjacentHTML|\beval\b|\bstyle=|\bon\w+=", text)


def test_models_that_classify_pictures_are_listed(address: str):
    status, _, body = get(address, "/models")
    assert status == 200
    assert json.loads(body) == {
        "models": [
            {"name": DIGITS, "shape": [224, 224, 1], "digits": True},
            {"name": SIGNS, "shape": [64, 64, 3], "digits": True},
        ],
        "max_body": 16 * 2**20,
    }
