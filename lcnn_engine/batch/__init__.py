"""Many pictures: a row in a file for each of them, on the cores of one machine or on those of a cluster.

``pictures`` says what words mean (files, folders, patterns; URIs by ``stores``, rows of Parquet by ``tables``),
``classifying`` answers one picture, ``local`` and ``on_ray`` many at once. ``journal`` keeps the rows of a run that may
be interrupted, ``formats`` makes the file of them, ``run`` is the whole way. How one picture is decoded is of
``images/``, how the command speaks of ``cli/``.
"""

from .classifying import Classifier
from .run import Summary, run_batch

__all__ = ["Classifier", "Summary", "run_batch"]
