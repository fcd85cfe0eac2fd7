"""From image files, bytes and arrays to a network's input: decoding, resizing, cropping, scaling.

Only this room opens images, by Pillow, which ``utils.drawing`` draws with. It never sees weights or kernels.
"""
