"""A model as C: a folder of sources that needs no Python and no BLAS.

It is the plan, written out: ``plans`` makes one for each instruction set, ``constants`` puts what they read side by
side, ``calls_source`` writes their calls as initialisers of the structs of ``kernels/csrc/calls.h``, ``sources`` fills
in the ``templates``, and ``folder`` takes what it needs of ``kernels/csrc`` along. Nothing is compiled here.
"""

from .folder import embed

__all__ = ["embed"]
