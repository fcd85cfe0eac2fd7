"""Names that both configurations and commands know, apart from what checks them: help needs no schema."""

DATASETS = ("mnist", "fashion-mnist", "imagenet", "folder")
