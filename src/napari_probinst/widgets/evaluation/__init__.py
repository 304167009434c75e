"""The Evaluate dock: tables and figures against ground truth."""
