"""Headless core: data, network, training, inference, evaluation, curation."""
