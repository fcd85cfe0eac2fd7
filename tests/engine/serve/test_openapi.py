"""The server's description."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine.serve.openapi import document


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (found for key, item in value.items() for found in ([item] if key == "$ref" else references(item)))
    elif isinstance(value, list):
        yield from (found for item in value for found in references(item))


def test_it_describes_what_there_is(client: Callable[..., Any]):
    """Every path of the application, but for its own, those of the page and those with a version, and no other."""
    asked = client()
    described = asked.get("/openapi.json").json()
    paths = {route.path: route.methods - {"HEAD"} for route in asked.app.routes if route.include_in_schema}
    expected = {path: methods for path, methods in paths.items() if "version" not in path}
    del expected["/openapi.json"], expected["/docs"]
    assert {path: {method.upper() for method in item} for path, item in described["paths"].items()} == expected


def test_it_is_whole():
    described = document()
    assert described["openapi"] == "3.1.0"
    assert set(references(described)) == {"#/components/schemas/Tensor", "#/components/schemas/Error"}
    assert set(described["components"]["schemas"]) == {"Tensor", "Error"}
    for path, item in described["paths"].items():
        for operation in item.values():
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"]
            assert "200" in operation["responses"]


def test_the_page_needs_nothing_from_elsewhere(client: Callable[..., Any]):
    answer = client().get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert not re.findall(r"https?://", answer.text)
    assert "POST /v2/models/{name}/infer" in answer.text


def test_answers_are_as_described(client: Callable[..., Any], picture: bytes):
    asked = client()
    schema = document()["paths"]["/classify"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = asked.post("/classify", content=picture).json()
    assert set(answer) == set(schema["properties"])
    assert set(answer["top"][0]) == set(schema["properties"]["top"]["items"]["properties"])
