"""Optimization: the loss, the learning rate, gradients and weights."""
