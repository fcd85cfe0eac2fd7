"""Requests to the server, damaged: an answer with a reason, and never a fault of the server's own."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Sequence
from typing import Any

from lcnn_engine import Net
from lcnn_engine.serve.app import create_app
from lcnn_engine.serve.settings import Settings
from tests.fuzz.kind import Kind, Outcome
from tests.fuzz.meter import FoundError, Meter, while_loading
from tests.fuzz.pictures import BYTES_OF_A_PIXEL, Pictures
from tests.helpers.damage import damage_value, damaged_bytes
from tests.helpers.networks import images, small_classifier

MAX_BODY, MAX_PIXELS = 2**18, 2**20
GROWTH = 32 * MAX_BODY  # what JSON of that length may become
ANSWERS = (200, 400, 404, 405, 408, 413, 415, 421, 422)
LENGTH = "inference-header-content-length"
ODD_HEADERS = [
    "",
    "-1",
    "0",
    "1",
    "99999999999",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "gzip",
    "\xff",
]

Request = dict[str, Any]  # method, path, query and headers (pairs) of a request


class Bodies(Kind):
    """An input is a line of JSON, which says how the request begins, and the body behind it."""

    name = "bodies"

    def __init__(self, kept: Sequence[bytes] = ()) -> None:
        super().__init__(kept)
        logging.getLogger("lcnn.serve").setLevel(logging.CRITICAL)
        self._pictures = Pictures()
        graph, tensors = small_classifier()
        self._net = Net(graph, tensors, threads=1)
        settings = Settings(threads=1, max_body=MAX_BODY, max_pixels=MAX_PIXELS)
        self._app = create_app({"small": self._net}, settings)
        self._loop = asyncio.new_event_loop()
        self._x = images(graph, 2)

    def make(self, rng: random.Random) -> bytes:
        if self.kept and rng.random() < 0.4:
            line, _, body = rng.choice(self.kept).partition(b"\n")
            request: Request = json.loads(line)
            body = damaged_bytes(body or b"\0", rng)
        else:
            request, body = rng.choice([self._picture, self._form, self._json, self._json, self._binary])(rng)
        if rng.random() < 0.3:
            _change_the_head(request, rng)
        return json.dumps(request).encode() + b"\n" + body[: 2 * MAX_BODY]

    def judge(self, data: bytes, meter: Meter) -> Outcome:
        line, _, body = data.partition(b"\n")
        request: Request = json.loads(line)
        with meter.memory(while_loading(body) + GROWTH + BYTES_OF_A_PIXEL * MAX_PIXELS, "answering"):
            status, content = self._loop.run_until_complete(self._asked(request, body))
        if status not in ANSWERS:
            raise FoundError(f"{request['path']}: expected an answer with a reason, found {status}: {content[:300]!r}")
        if status != 200:
            error = json.loads(content)["error"]
            if "expected" not in error:
                raise FoundError(f"expected an error that says what was expected, found {error!r}")
            return Outcome(False, f"{status} {error[:60]}")
        return Outcome(True, f"{request['path']} {len(content).bit_length()}", 1)

    async def _asked(self, request: Request, body: bytes) -> tuple[int, bytes]:
        """Send a request in a few pieces, and take the answer: its status and its content."""
        pieces = [body[place : place + 2**14] for place in range(0, len(body), 2**14)] or [b""]
        messages = iter(
            {"type": "http.request", "body": piece, "more_body": number + 1 < len(pieces)}
            for number, piece in enumerate(pieces)
        )
        found: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            found.append(message)

        headers = [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in request["headers"]
        ]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request["method"],
            "scheme": "http", "path": request["path"], "raw_path": request["path"].encode(), "root_path": "",
            "query_string": request["query"].encode("latin-1", "replace"), "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        }  # fmt: skip
        await self._app(scope, receive, send)
        status = next(message["status"] for message in found if message["type"] == "http.response.start")
        return status, b"".join(message.get("body", b"") for message in found)

    def _picture(self, rng: random.Random) -> tuple[Request, bytes]:
        return _head("/classify", rng.choice(["", "top=3", "model=small", "top=0", "top=%00"])), self._pictures.make(
            rng
        )

    def _form(self, rng: random.Random) -> tuple[Request, bytes]:
        request = _head("/classify", headers=[["content-type", "multipart/form-data; boundary=cut"]])
        begin = b'--cut\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
        body = begin + self._pictures.make(rng) + b"\r\n--cut--\r\n"
        return request, damaged_bytes(body, rng, tokens=b'\r\n-;="\0') if rng.random() < 0.7 else body

    def _json(self, rng: random.Random) -> tuple[Request, bytes]:
        asked = self._asked_for({"data": self._x[0].reshape(-1).tolist()})
        if rng.random() < 0.3:
            return _infer(), damaged_bytes(json.dumps(asked).encode(), rng)
        damage_value(asked, rng)
        return _infer(), json.dumps(asked).encode()

    def _binary(self, rng: random.Random) -> tuple[Request, bytes]:
        data = self._x[:1].astype("<f4").tobytes()
        asked = self._asked_for({"parameters": {"binary_data_size": len(data)}})
        asked["parameters"] = {"binary_data_output": rng.random() < 0.5}
        for _ in range(rng.choice([0, 1, 1, 2])):
            damage_value(asked, rng)
        text = json.dumps(asked).encode()
        data = damaged_bytes(data, rng) if rng.random() < 0.5 else data
        return _infer([[LENGTH, str(len(text) + rng.choice([0, 0, 0, 1, -1]))]]), text + data

    def _asked_for(self, more: dict[str, Any]) -> dict[str, Any]:
        shape = [1, *self._net.input_shape]
        tensor = {"name": self._net.graph.input.name, "datatype": "FP32", "shape": shape, **more}
        return {"id": "7", "inputs": [tensor], "outputs": [{"name": self._net.graph.output}]}


def _head(path: str, query: str = "", headers: Sequence[list[str]] = ()) -> Request:
    return {"method": "POST", "path": path, "query": query, "headers": [["host", "localhost"], *headers]}


def _infer(headers: Sequence[list[str]] = ()) -> Request:
    return _head("/v2/models/small/infer", headers=headers)


def _change_the_head(request: Request, rng: random.Random) -> None:
    action = rng.randrange(4)
    if action == 0:
        request["method"] = rng.choice(["GET", "PUT", "HEAD", "POST", "OPTIONS"])
    elif action == 1:
        request["path"] = rng.choice(
            ["/", "/v2", "/v2/models/none/infer", "/classify/", "/metrics", "/v2/models/\0", "//"]
        )
    elif action == 2:
        request["query"] = rng.choice(["top", "top=1&top=2", "model=none", "%ff", "a=b", "top=9999999999"])
    else:
        name = rng.choice(["content-type", "content-length", LENGTH, "content-encoding", "host"])
        request["headers"].append([name, rng.choice(ODD_HEADERS)])
