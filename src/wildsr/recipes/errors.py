"""The error of this layer."""


class RecipeError(Exception):
    """A recipe is wrong, or does not fit what it is used for. The message says what, where, and what to do."""
