"""The error of this layer."""

from wildsr.errors import WildsrError


class RecipeError(WildsrError):
    """A recipe is wrong, or does not fit what it is used for. The message says what, where, and what to do."""
