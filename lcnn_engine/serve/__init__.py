"""Networks over HTTP: the Open Inference Protocol, pictures to classes, metrics. Needs the extra ``serve``.

``app`` puts an application together, which any ASGI server runs: ``classify`` and ``inference`` answer requests,
``tensors`` is the protocol's bytes, ``service`` what requests share: ``workers`` (threads that compute, behind a
bounded queue) and ``bodies`` (what was sent, within limits). ``guard`` refuses, ``journal`` and ``metrics`` keep the
books, ``openapi`` describes, ``details`` looks inside a network, ``page`` is for people. ``running`` and
``connections`` are uvicorn as ``lcnn serve`` runs it: sockets, slow clients, processes that share weights. No picture
is kept, and nothing is written to the disk.
"""
