"""Seeded augmentation of a batch of uint8 pictures, in one pass each; the same seed gives the same pictures."""

from __future__ import annotations

import math

import tensorflow as tf

from lcnn_train.config import Augment


def augment(images: tf.Tensor, seed: tf.Tensor, settings: Augment) -> tf.Tensor:
    """Augment uint8 pictures (N, H, W, C); `seed` is an int64 pair. Augmentations that are off cost nothing."""
    if settings.rotate or settings.shift or tuple(settings.scale) != (1.0, 1.0):
        images = _affine(images, seed, settings)
    if settings.salt_and_pepper:
        images = _salt_and_pepper(images, seed, settings)
    return images


def _affine(images: tf.Tensor, seed: tf.Tensor, settings: Augment) -> tf.Tensor:
    """Rotate by up to `rotate` degrees, scale, and shift by up to `shift` of the side, about the middle, bilinear."""
    count = tf.shape(images)[0]
    height, width = images.shape[1], images.shape[2]
    turn, grow, right, down, chosen = tf.unstack(tf.random.stateless_uniform((5, count), seed, dtype=tf.float32))
    applied = tf.cast(chosen < settings.affine_probability, tf.float32)
    angle = applied * (2 * turn - 1) * math.radians(settings.rotate)
    low, high = settings.scale
    scale = 1 + applied * (low + grow * (high - low) - 1)
    dx = applied * (2 * right - 1) * settings.shift * width
    dy = applied * (2 * down - 1) * settings.shift * height
    return _transform(images, tf.cos(angle) / scale, tf.sin(angle) / scale, dx, dy)


def _transform(images: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor, dx: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """Output pixel (x, y) takes input pixel middle + (cos x' - sin y', sin x' + cos y'), x' = x - middle - dx."""
    height, width = images.shape[1], images.shape[2]
    mx, my = (width - 1) / 2, (height - 1) / 2
    zero = tf.zeros_like(cos)
    x0 = mx - cos * (mx + dx) + sin * (my + dy)
    y0 = my - sin * (mx + dx) - cos * (my + dy)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([cos, -sin, x0, sin, cos, y0, zero, zero], axis=1),
        output_shape=(height, width),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )


def _salt_and_pepper(images: tf.Tensor, seed: tf.Tensor, settings: Augment) -> tf.Tensor:
    """Turn a share `salt_and_pepper` of the pixels of some pictures black or white, in equal parts."""
    shape = tf.shape(images)
    noise = tf.random.stateless_uniform((shape[0], shape[1], shape[2], 1), seed + 1)
    chosen = tf.random.stateless_uniform((shape[0], 1, 1, 1), seed + 2) < settings.salt_and_pepper_probability
    half = settings.salt_and_pepper / 2
    images = tf.where(chosen & (noise < half), tf.zeros_like(images), images)
    return tf.where(chosen & (noise > 1 - half), 255 * tf.ones_like(images), images)
