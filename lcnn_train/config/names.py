"""Names that both configurations and commands know, apart from what checks them: help needs no schema."""

DATASETS = ("mnist", "fashion-mnist", "cifar10", "cifar100", "imagenet", "folder")
