"""Benchmarks, run by asv: speed and memory, beside the straightforward version if there is one."""
