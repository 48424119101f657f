"""Dimension tables: readers, one file format per file."""
