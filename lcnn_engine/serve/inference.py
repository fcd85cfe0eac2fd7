"""The Open Inference Protocol, version 2, over REST: health, metadata, and tensors in, tensors out."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..errors import InputError
from ..images.decoding import is_pixel_shape
from ..images.preprocessing import as_batch
from ..model.graph import Shape
from ..net import Net
from ..utils.messages import shown
from .bodies import Body
from .service import Service, service_of
from .tensors import read_request, write_answer

__all__ = ["routes"]

VERSION = "1"  # of every model: a server has one of each
HEADER = "Inference-Header-Content-Length"
AT_ONCE = 16  # inputs between two looks at the clock
GROWTH = 4  # what a body may become as inputs and as results, in its longest lengths
EXTENSIONS = ["binary_tensor_data"]


def routes() -> list[Route]:
    """Make the protocol's routes."""
    found = []
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        found += [
            Route(f"{path}/infer", infer, methods=["POST"]),
            Route(f"{path}/ready", model_ready, methods=["GET"]),
            Route(path, model_metadata, methods=["GET"]),
        ]
    return [
        *found,
        Route("/v2/health/live", live, methods=["GET"]),
        Route("/v2/health/ready", ready, methods=["GET"]),
        Route("/v2/models", models, methods=["GET"]),
        Route("/v2", server_metadata, methods=["GET"]),
    ]


async def live(_: Request) -> Response:
    """Say that this process answers."""
    return JSONResponse({"live": True})


async def ready(_: Request) -> Response:
    """Say that all networks are loaded: they are before the first request is taken."""
    return JSONResponse({"ready": True})


async def server_metadata(_: Request) -> Response:
    """Say what this server is."""
    return JSONResponse({"name": "lcnn", "version": __version__, "extensions": EXTENSIONS})


async def models(request: Request) -> Response:
    """List the networks, the default of ``/classify`` first. The protocol has no such path."""
    return JSONResponse({"models": list(service_of(request).models)})


async def model_ready(request: Request) -> Response:
    """Say that a network is loaded."""
    name, _ = _asked_for(request)
    return JSONResponse({"name": name, "ready": True})


async def model_metadata(request: Request) -> Response:
    """Say what a network takes and gives."""
    name, net = _asked_for(request)
    graph = net.graph
    return JSONResponse({
        "name": name,
        "versions": [VERSION],
        "platform": f"lcnn_{net.precision}",
        "inputs": [{"name": graph.input.name, "datatype": "FP32", "shape": [-1, *net.input_shape]}],
        "outputs": [{"name": graph.output, "datatype": "FP32", "shape": [-1, *net.output_shape]}],
    })  # fmt: skip


async def infer(request: Request) -> Response:
    """Run a network on a tensor."""
    service = service_of(request)
    name, net = _asked_for(request)
    json_length = _json_length(request)

    def answer(body: Body, until: float) -> tuple[bytes, int | None]:
        return answer_of(service, name, net, body, json_length, until)

    content, length = await service.answered(request, answer)
    if length is None:
        return Response(content, media_type="application/json")
    return Response(content, media_type="application/octet-stream", headers={HEADER: str(length)})


def answer_of(
    service: Service, name: str, net: Net, body: Body, json_length: int | None, until: float
) -> tuple[bytes, int | None]:
    """Make the answer's body of a request's, and give the bytes of JSON in it where binary data follow.

    Raises InputError for what breaks the protocol or does not fit the network, HTTPException 413 for what becomes too
    large on the way, 504 where the clock passes ``until``.
    """
    start = time.perf_counter()
    graph = net.graph
    asked = read_request(body, json_length, graph.input.name, graph.output)
    most = GROWTH * service.settings.max_body
    _check_pictures(asked.x, net, most)
    batch, single = as_batch(asked.x, net.input_shape, graph.preprocessing)
    _check_size("results", len(batch), net.output_shape, most)
    decoded = time.perf_counter()
    result = run(net, batch, until)
    service.metrics.computed(name, len(batch), decoded - start, time.perf_counter() - decoded)
    return write_answer(name, graph.output, result[0] if single else result, asked)


def run(net: Net, batch: np.ndarray, until: float) -> np.ndarray:
    """Run a batch some inputs at a time, so that no thread works long for a client whose time is up."""
    result = np.empty((len(batch), *net.output_shape), np.float32)
    for first in range(0, len(batch), AT_ONCE):
        if time.monotonic() > until:
            raise HTTPException(504, "expected an answer in time, found none; send fewer inputs at once")
        net.run(batch[first : first + AT_ONCE], out=result[first : first + AT_ONCE])
    return result


def _check_pictures(x: np.ndarray, net: Net, most: int) -> None:
    """Refuse uint8 that is neither one picture nor a batch; and many tiny ones, which would become large inputs."""
    if x.dtype != np.uint8:
        return
    if not (x.ndim == 4 or (x.ndim == 3 and is_pixel_shape(x.shape))):
        raise InputError(f"expected pictures of shape (N, H, W, 1|3|4) or (H, W, 1|3|4), got {x.shape}")
    if x.ndim == 4:
        _check_size("inputs", len(x), net.input_shape, most)


def _check_size(what: str, count: int, shape: Shape, most: int) -> None:
    size = 4 * count * math.prod(shape)
    if count > 1 and size > most:
        raise HTTPException(413, f"expected {what} of at most {most} bytes, got {size}; send fewer at once")


def _asked_for(request: Request) -> tuple[str, Net]:
    version = request.path_params.get("version", VERSION)
    if version != VERSION:
        raise HTTPException(404, f"expected version {VERSION}, the only one, got {shown(version)}")
    return service_of(request).net(request.path_params["name"])


def _json_length(request: Request) -> int | None:
    text: Any = request.headers.get(HEADER)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise InputError(f"expected {HEADER} to be a number of bytes, got {shown(text)}")
    return int(text)
