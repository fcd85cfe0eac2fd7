"""``POST /classify``: a picture in, its classes out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import InputError
from ..images.decoding import image_size
from ..images.preprocessing import to_input
from ..net import Net, ranked
from ..utils.messages import shown
from .bodies import Body, picture_of
from .details import details
from .service import service_of

__all__ = ["routes"]

TOP = 5


@dataclass(frozen=True)
class Options:
    """What a request's query asks for."""

    top: int = TOP
    model: str | None = None
    details: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Options:
        """Read a query. Raises InputError for what is not known or means nothing."""
        known = ("top", "model", "details")
        for name in query:
            if name not in known:
                raise InputError(f"expected parameters among {', '.join(known)}, got {shown(name)}")
        top = query.get("top", str(TOP))
        if not (top.isascii() and top.isdecimal() and len(top) < 9 and int(top)):
            raise InputError(f"expected top to be an integer of at least 1, got {shown(top)}")
        wanted = query.get("details", "false")
        if wanted not in ("true", "false"):
            raise InputError(f"expected details to be true or false, got {shown(wanted)}")
        return cls(int(top), query.get("model"), wanted == "true")


def routes() -> list[Route]:
    """Make the route ``/classify``."""
    return [Route("/classify", classify, methods=["POST"])]


async def classify(request: Request) -> Response:
    """Answer a picture, as the body or as the first file of a form, with its best classes."""
    service = service_of(request)
    options = Options.of(request.query_params)
    name, net = service.net(options.model)
    content_type = request.headers.get("content-type", "")

    def answer(body: Body, _: float) -> dict[str, Any]:
        picture = picture_of(body, content_type)
        classes, decode, run = classes_of(net, picture, options.top, service.settings.max_pixels)
        service.metrics.computed(name, 1, decode, run)
        milliseconds = {"decode": round(1000 * decode, 3), "run": round(1000 * run, 3)}
        more = details(net, picture) if options.details else {}
        return {"model": name, "top": classes, "milliseconds": milliseconds, **more}

    return JSONResponse(await service.answered(request, answer))


def classes_of(net: Net, picture: Body, top: int, max_pixels: int) -> tuple[list[dict[str, Any]], float, float]:
    """Give the ``top`` classes of an encoded picture, best first, and the seconds of making it an input and of running
    the network.

    Raises InputError for what is no picture or has more than ``max_pixels``, and for a network that does not classify
    pictures.
    """
    preprocessing = net.graph.preprocessing
    if preprocessing is None or len(net.output_shape) != 1:
        raise InputError(
            f"expected a model that classifies pictures, got {net.name!r}, which does not; send tensors to "
            "/v2/models/NAME/infer"
        )
    start = time.perf_counter()
    if not picture:
        raise InputError("expected a picture as the body, or as a file of a form, got no bytes")
    width, height = image_size(picture)
    if width * height > max_pixels:
        raise InputError(f"expected a picture of at most {max_pixels} pixels, got {width} x {height}; shrink it first")
    x = to_input(picture, preprocessing, net.input_shape)
    decoded = time.perf_counter()
    probabilities = net.run(x)
    ran = time.perf_counter()
    classes = [
        {"label": label, "index": index, "probability": probability}
        for index, label, probability in ranked(probabilities, net.labels, top)
    ]
    return classes, decoded - start, ran - decoded
