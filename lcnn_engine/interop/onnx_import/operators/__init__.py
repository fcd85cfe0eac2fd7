"""What each operator of ONNX becomes: functions in TRANSLATED by the operator's name, a file for each subject.

Nothing here knows of the graph as a whole: a function has one node before it, its inputs as constants or values.
"""

from . import elementwise, moving, normalization, pointwise, pools, weighted  # noqa: F401  (they enter themselves)
from .registry import TRANSLATED

__all__ = ["TRANSLATED"]
