"""The errors of this layer."""

from wildsr.errors import UsageError, WildsrError


class EstimationError(WildsrError):
    """Nothing can be estimated from what was given; the message says what happened, and what to do."""


class NoImages(EstimationError, UsageError):
    """A folder does not exist, cannot be read, or holds no image."""
