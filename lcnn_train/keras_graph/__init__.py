"""A Keras model as a flat list of layer calls, to be translated (export) or to be run call by call (verify).

What a call is, and Keras' own graph (``graph``); from that graph to calls (``tracing``), where layers are taken for
what others make of them (``rewriting``); what kinds of layers there are (``kinds``); calls run on arrays (``running``),
and layers copied (``copying``). What a call becomes in a model file is not known here.
"""

from lcnn_engine.utils.moved import former_names
from lcnn_train.keras_graph.graph import Call, Part, Trace, functional_graph, walk
from lcnn_train.keras_graph.kinds import AUGMENTATION
from lcnn_train.keras_graph.running import run_all
from lcnn_train.keras_graph.tracing import trace

__all__ = ["AUGMENTATION", "Call", "Part", "Trace", "functional_graph", "run_all", "trace", "walk"]


former_names(__name__, run="run_all")
