"""Errors of an adaptation."""

from wildsr.errors import WildsrError


class AdaptError(WildsrError):
    """An adaptation cannot go on; the message says why and what to do."""
