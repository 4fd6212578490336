"""Recipes from the option files of the original implementations. Imports no torch."""
