"""Files and data sets: images, masks, predictions, exports."""
