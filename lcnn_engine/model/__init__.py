"""What a network is: its graph, its operations with their rules, and a plain NumPy definition of each.

Nothing here knows files, images, kernels or speed.
"""
