"""The Predict dock: image, model, draws."""
