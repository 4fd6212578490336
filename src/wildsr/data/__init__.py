"""Folders of pictures as training batches."""
