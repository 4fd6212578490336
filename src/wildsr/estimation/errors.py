"""The errors of this layer."""

from wildsr.errors import UsageError, WildsrError


class EstimationError(WildsrError):
    """Nothing can be estimated from these images. The message says what happened, and what to do."""


class NoImages(EstimationError, UsageError):
    """A folder does not exist, cannot be read, or holds no image."""
