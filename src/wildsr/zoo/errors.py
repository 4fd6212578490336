"""The errors of this layer."""

from wildsr.errors import WildsrError


class ModelError(WildsrError):
    """A model cannot be found or loaded. The message says what happened, to which file, and what to do."""


class UnknownArchitecture(ModelError):
    """The weights can be read, but belong to no architecture that wildsr knows."""
