"""The networks that are measured: seeded workloads, their dense equivalents, and all of them in every engine's format.

Also the images that they are shown. How long they take is not asked here.
"""
