"""Proofreading of instance segmentation, guided by a probabilistic U-Net's uncertainty."""

__version__ = "0.1.0"
