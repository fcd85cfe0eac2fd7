"""Tokens, and the names that a server is called by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine.serve.guard import OPEN_PATHS

TOKEN = "0123456789abcdefXYZ"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@pytest.mark.parametrize("path", ["/v2", "/v2/models", "/metrics", "/v2/models/small", "/none"])
@pytest.mark.parametrize(
    "header",
    [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer ünïcödé"],
)
def test_without_the_token_nothing_is_told(client: Callable[..., Any], path: str, header: str | None):
    headers = {} if header is None else {"Authorization": header.encode("utf-8")}
    answer = client(token=TOKEN).get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text


def test_with_it_everything_is(client: Callable[..., Any], picture: bytes):
    asked = client(token=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert asked.get("/v2", headers=headers).status_code == 200
    assert asked.post("/classify", content=picture, headers=headers).status_code == 200
    assert asked.post("/classify", content=picture).status_code == 401


@pytest.mark.parametrize("path", [path for path in OPEN_PATHS if path != "/"])
def test_probes_and_descriptions_need_none(client: Callable[..., Any], path: str):
    assert client(token=TOKEN).get(path).status_code == 200


@pytest.mark.parametrize("path", ["/page/../metrics", "/page/%2e%2e/metrics", "//metrics", "/page/metrics"])
def test_no_path_leads_around_it(client: Callable[..., Any], path: str):
    assert "lcnn_requests" not in client(token=TOKEN).get(path).text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_a_server_answers_by_its_names(client: Callable[..., Any], host: str):
    assert client(hosts=LOCAL).get("/v2", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "", "[::2]"])
def test_and_by_no_other(client: Callable[..., Any], host: str):
    """A page of another site can give its own name this machine's address."""
    answer = client(hosts=LOCAL).get("/v2", headers={"Host": host})
    assert answer.status_code == 421
    assert "expected a request to one of 127.0.0.1" in answer.json()["error"]
