"""Data sets, the batches made from them, and augmentation."""
