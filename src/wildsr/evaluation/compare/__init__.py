"""Blind comparisons of results by people: pairs on a page or as image files, and votes read back."""
