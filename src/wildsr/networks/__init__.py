"""Modules with learned parameters: no files, no names of checkpoints, no devices."""
