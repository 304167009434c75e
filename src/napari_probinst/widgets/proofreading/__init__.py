"""The Proofread dock: queue, canvas, editing tools, history and saving."""
