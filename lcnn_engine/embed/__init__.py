"""A model as C, for programs that have neither Python nor a BLAS: a folder of sources, or a file for a library.

A folder of one network is its plan, written out: ``plans`` makes one for each instruction set, ``constants`` puts what
they read side by side, ``calls_source`` writes their calls as initialisers of the structs of ``kernels/csrc/calls.h``,
``sources`` fills in the ``templates``, and ``folder`` takes what it needs of ``kernels/csrc`` along.

A file of plans, ``plan_file``, is for the library whose sources ``library`` writes: it opens any number of them.
``contract`` is what both must agree on. Nothing is compiled here.
"""

from .folder import embed
from .library import write_library
from .plan_file import write_plan

__all__ = ["embed", "write_library", "write_plan"]
