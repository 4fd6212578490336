"""Runs stated in full, one file per method."""
