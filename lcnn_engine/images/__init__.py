"""From image files, bytes and arrays to a network's input: decoding, resizing, cropping, scaling.

Only this room imports Pillow. It never sees weights or kernels.
"""
