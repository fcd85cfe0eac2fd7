"""Data sets, the batches made of them, and augmentation.

What a data set is (``images``), in each of its forms (``idx``, ``folder`` with ``annotations``, ``records``) and where
to find it (``sets``); pixels, changes and batches (``reader``, ``augment``, ``pipeline``); what is in one and how fast
it comes (``survey``). The schema of all that is in ``config``, decoding and normalizing are the engine's.
"""
