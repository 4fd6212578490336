"""Blind comparisons of results by people: pairs on a page or as image files, and votes read back."""

QUESTION = "Which version looks better?"
"""That judges are asked, unless the caller has another one."""
