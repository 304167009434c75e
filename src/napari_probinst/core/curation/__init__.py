"""Proofreading without a screen: edits, one undo history, the journal, corrected files."""
