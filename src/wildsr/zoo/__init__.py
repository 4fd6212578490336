"""Checkpoints: the catalogue, the readers, the key tables, and ``load`` that turns a file into a Model."""
