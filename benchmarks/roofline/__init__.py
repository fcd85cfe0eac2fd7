"""Every step of a network beside the least time that it could take on this core: ``python -m benchmarks.roofline``.

The core's limits are measured, not looked up. The engine's own estimates of cost are none of this.
"""
