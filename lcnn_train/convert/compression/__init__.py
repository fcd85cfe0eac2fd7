"""One call from a trained Keras model and images to a smaller, faster model file, and a report of what that cost.

Here is what the rest is put together to: conversion, a budget, a run, export, a check, and the report. How each of them
is done lies in their own rooms.
"""
