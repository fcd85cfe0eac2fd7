"""A WSGI application: POST a picture, get its best classes as JSON."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from lcnn_engine import InputError, Net

MOST_BYTES = 16 * 2**20

net = Net.load(os.environ["MODEL"], threads=1)  # when this module is imported: before the workers are forked
net.predict(np.zeros((64, 64, 3), np.uint8))  # what a first picture imports is imported once, too


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, answer = reply(environ)
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode() + b"\n"]


def reply(environ: dict[str, Any]) -> tuple[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)  # checked by gunicorn; a body in chunks has none
    if environ["REQUEST_METHOD"] != "POST" or length == 0:
        return "400 Bad Request", {"error": "expected POST with a picture as its body"}
    if length > MOST_BYTES:
        return "413 Content Too Large", {"error": f"expected at most {MOST_BYTES} bytes, got {length}"}
    try:
        return "200 OK", [
            {"label": label, "probability": p} for label, p in net.classify(environ["wsgi.input"].read(length))
        ]
    except InputError as error:
        return "422 Unprocessable Content", {"error": str(error)}
