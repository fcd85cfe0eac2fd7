"""The constants of the engine's model of time (``lcnn_engine/plan/times``), fitted on the machine that runs this.

``layers``: small networks that call every kernel; ``measuring``: the times of their steps; ``solving``: the constants;
``checking``: whole networks, predicted and measured. Nothing here knows what a call consists of: the engine says.
"""
