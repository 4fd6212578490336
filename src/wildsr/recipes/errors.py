"""The error of this layer."""

from wildsr.errors import UsageError


class RecipeError(UsageError):
    """A recipe is wrong, or does not fit what it is used for. The message says what, where, and what to do."""
