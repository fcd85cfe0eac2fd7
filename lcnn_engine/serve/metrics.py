"""Figures for Prometheus: requests, times, inputs, what waits.

Where several processes serve one port, the environment has PROMETHEUS_MULTIPROC_DIR (see ``figures``) before this
module is imported, each process keeps its figures in a file there, and whichever is asked adds them up.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .figures import FIGURES_FOLDER

__all__ = ["Metrics", "routes"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # which no name or label here goes beyond
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "lcnn_requests", "Requests by what answered them", ["handler", "method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "lcnn_request_seconds", "From a request's head to the end of its answer", ["handler"],
            buckets=BUCKETS, registry=registry,
        )  # fmt: skip
        self._phases = Histogram(
            "lcnn_phase_seconds", "Making inputs of what was sent, and running the network", ["model", "phase"],
            buckets=BUCKETS, registry=registry,
        )  # fmt: skip
        self._inputs = Counter("lcnn_inputs", "Inputs that were computed", ["model"], registry=registry)
        self._open = Gauge(
            "lcnn_requests_open", "Requests that have no answer yet", multiprocess_mode="livesum", registry=registry
        )

    def opened(self) -> None:
        """Count a request that has come."""
        self._open.inc()

    def answered(self, handler: str, method: str, status: int, seconds: float) -> None:
        """Count a request that is over; ``handler`` is the name of what answered it."""
        self._open.dec()
        method = method if method in METHODS else "other"  # or a client could make as many rows as it likes
        self._requests.labels(handler, method, str(status)).inc()
        self._seconds.labels(handler).observe(seconds)

    def computed(self, model: str, inputs: int, decode: float, run: float) -> None:
        """Count inputs of a model, and the seconds that they took."""
        self._phases.labels(model, "decode").observe(decode)
        self._phases.labels(model, "run").observe(run)
        self._inputs.labels(model).inc(inputs)

    def text(self) -> bytes:
        """Write all figures as Prometheus reads them."""
        registry = self._registry
        if FIGURES_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)


def routes(metrics: Metrics) -> list[Route]:
    """Make the route ``/metrics``."""

    async def metrics_text(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return [Route("/metrics", metrics_text, methods=["GET"])]
