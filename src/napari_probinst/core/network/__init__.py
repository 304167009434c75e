"""The probabilistic U-Net and its model files."""
