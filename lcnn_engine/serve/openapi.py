"""The server's description: an OpenAPI document, and a page made of it, without a script."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .. import __version__

__all__ = ["document", "routes"]

Json = dict[str, Any]
NAME: Json = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}, "description": "model"}
REFUSALS = {
    400: "what was sent does not fit; the reason is in it",
    401: "the token is missing or another",
    404: "there is no such model",
    408: "what was sent came too slowly",
    413: "what was sent is too large",
    415: "what was sent is compressed",
    503: "the server is busy; Retry-After says when to come again",
    504: "the answer took too long",
}


def routes() -> list[Route]:
    """Make the routes ``/openapi.json`` and ``/docs``."""
    described = document()
    page = _page(described)

    async def openapi(_: Request) -> Response:
        return JSONResponse(described)

    async def docs(_: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})

    return [Route("/openapi.json", openapi, methods=["GET"]), Route("/docs", docs, methods=["GET"])]


def document() -> Json:
    """Make the OpenAPI document."""
    paths: Json = {
        "/classify": {"post": _classify()},
        "/v2/models/{name}/infer": {"post": _infer()},
        "/v2/models/{name}": {"get": _get("what a model takes and gives", _METADATA, [NAME], (404,))},
        "/v2/models/{name}/ready": {"get": _get("whether a model is loaded", _READY, [NAME], (404,))},
        "/v2/models": {"get": _get("the models' names, the default of /classify first", _MODELS)},
        "/v2": {"get": _get("name, version and extensions of this server", _SERVER)},
        "/v2/health/live": {"get": _get("whether the server answers", _object(live=_BOOLEAN), refused=())},
        "/v2/health/ready": {"get": _get("whether all models are loaded", _object(ready=_BOOLEAN), refused=())},
        "/metrics": {"get": _metrics()},
    }
    about = "Open Inference Protocol, version 2, with binary tensor data; and pictures to classes."
    return {
        "openapi": "3.1.0",
        "info": {"title": "lcnn", "version": __version__, "description": about},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _object(error=_STRING), "Tensor": _TENSOR},
        },
        "security": [{}, {"token": []}],
    }


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


_STRING: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}
_INTEGER: Json = {"type": "integer"}
_BOOLEAN: Json = {"type": "boolean"}
_SHAPE = _list(_INTEGER)
_TENSOR: Json = {
    **_object(name=_STRING, shape=_SHAPE, datatype={"enum": ["FP32", "FP16", "FP64", "UINT8"]}),
    "description": (
        "FP32, FP16, FP64: preprocessed input, [N, H, W, C] or [H, W, C]. UINT8: pictures of any size, which go "
        "through the model's preprocessing. Numbers are in data, or behind the JSON: binary_data_size bytes, "
        "little-endian."
    ),
}
_TENSOR["properties"] |= {"data": _list({}), "parameters": {"type": "object"}}
_REFERENCE: Json = {"$ref": "#/components/schemas/Tensor"}
_READY = _object(name=_STRING, ready=_BOOLEAN)
_MODELS = _object(models=_list(_STRING))
_SERVER = _object(name=_STRING, version=_STRING, extensions=_list(_STRING))
_SIDE = _list(_object(name=_STRING, datatype=_STRING, shape=_SHAPE))
_METADATA = _object(name=_STRING, versions=_list(_STRING), platform=_STRING, inputs=_SIDE, outputs=_SIDE)


def _answers(what: str, content: Json, refused: tuple[int, ...]) -> Json:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers: Json = {"200": {"description": what, "content": content}}
    return answers | {str(status): {"description": REFUSALS[status], "content": error} for status in refused}


def _get(what: str, schema: Json, parameters: list[Json] | None = None, refused: tuple[int, ...] = (401,)) -> Json:
    content = {"application/json": {"schema": schema}}
    return {"summary": what, "parameters": parameters or [], "responses": _answers(what, content, refused)}


def _metrics() -> Json:
    what = "figures for Prometheus"
    return {"summary": what, "responses": _answers(what, {"text/plain": {"schema": _STRING}}, (401,))}


def _classify() -> Json:
    binary: Json = {"type": "string", "format": "binary"}
    classes = _list(_object(label=_STRING, index=_INTEGER, probability=_NUMBER))
    answer = _object(model=_STRING, top=classes, milliseconds=_object(decode=_NUMBER, run=_NUMBER))
    top = {"type": "integer", "minimum": 1, "default": 5}
    inside = "the time of each node and the activations of some, too, as docs/page.md says"
    return {
        "summary": "the classes of a picture: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or PPM",
        "parameters": [
            {"name": "top", "in": "query", "schema": top, "description": "classes to give, best first"},
            {"name": "model", "in": "query", "schema": _STRING, "description": "default: the first model"},
            {"name": "details", "in": "query", "schema": {**_BOOLEAN, "default": False}, "description": inside},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": {"schema": binary},
                "multipart/form-data": {"schema": _object(picture=binary)},
            },
        },
        "responses": _answers("the classes", {"application/json": {"schema": answer}}, tuple(REFUSALS)),
    }


def _infer() -> Json:
    request = {"type": "object", "properties": {"id": _STRING, "inputs": _list(_REFERENCE)}, "required": ["inputs"]}
    answer = _object(model_name=_STRING, model_version=_STRING, outputs=_list(_REFERENCE))
    content = {"application/json": {"schema": request}, "application/octet-stream": {"schema": _STRING}}
    length = {"name": "Inference-Header-Content-Length", "in": "header", "schema": _INTEGER}
    return {
        "summary": "run a model on a tensor",
        "parameters": [NAME, {**length, "description": "bytes of JSON, where binary data follow it"}],
        "requestBody": {"required": True, "content": content},
        "responses": _answers("the result", {**content, "application/json": {"schema": answer}}, tuple(REFUSALS)),
    }


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace}td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
    ":root{color-scheme:light dark}"
)


def _page(described: Mapping[str, Any]) -> str:
    """Write the document as a page for people."""
    info = described["info"]
    head = f"<h1>{html.escape(info['title'])} {html.escape(info['version'])}</h1><p>{html.escape(info['description'])}"
    more = '<p>The same for programs: <a href="/openapi.json">openapi.json</a>.'
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>lcnn: what this server answers</title><style>{_STYLE}</style>{head}{more}{''.join(_rows(described))}"
    )


def _rows(described: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
            yield f"<p>{html.escape(operation['summary'])}<table>"
            for parameter in operation.get("parameters", ()):
                text = html.escape(parameter.get("description", ""))
                yield f"<tr><td><code>{html.escape(parameter['name'])}</code><td>{parameter['in']}<td>{text}"
            for status, answer in operation["responses"].items():
                yield f"<tr><td>{status}<td colspan=2>{html.escape(answer['description'])}"
            yield "</table>"
