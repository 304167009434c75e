"""Benchmarks of the pipeline and the training, run by asv."""
