"""What all requests share: the networks, the limits, the threads, the books."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..net import Net
from ..utils.messages import shown
from .bodies import Bodies, Body
from .metrics import Metrics
from .settings import Settings
from .workers import Workers

__all__ = ["Service", "service_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """The state of an application."""

    models: Mapping[str, Net]
    settings: Settings
    workers: Workers
    bodies: Bodies
    metrics: Metrics

    def net(self, name: str | None) -> tuple[str, Net]:
        """Find a network by its name here; None is the first one. Raises HTTPException 404."""
        if name is None:
            name = next(iter(self.models))
        net = self.models.get(name)
        if net is None:
            raise HTTPException(404, f"expected a model among {', '.join(self.models)}, got {shown(name)}")
        return name, net

    async def answered(self, request: Request, answer: Callable[[Body, float], T]) -> T:
        """Read the request's body, and let a thread make the answer of it and of the time (``time.monotonic``) until
        which there is any use in it.

        Raises what ``answer`` raises, and HTTPException where a limit is passed.
        """
        self.workers.check()
        async with self.bodies.read(request) as body:
            seconds = self.settings.seconds
            until = time.monotonic() + seconds
            return await self.workers.run(lambda: answer(body, until), seconds)


def service_of(request: Request) -> Service:
    """Give the state of the application that a request came to."""
    service: Service = request.app.state.service
    return service
