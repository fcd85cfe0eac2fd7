"""What the ImageNet rows would cost to train: ``python -m benchmarks.imagenet``.

Steps of every configuration on made pictures, what they say of whole trainings, and the commands of the trainer on
class folders as ImageNet's are laid out. No accuracy is measured here.
"""
