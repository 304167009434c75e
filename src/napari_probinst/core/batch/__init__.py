"""Whole folders: what is to be done with each image, and the processes that do it."""
