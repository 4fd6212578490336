"""Folders of images as training batches."""
