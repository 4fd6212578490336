"""The errors of this layer."""

from wildsr.errors import UsageError, WildsrError


class ImageError(WildsrError):
    """An image cannot be read or written; the message says what happened, to which file, and what to do."""


class ImageTooLarge(ImageError):
    """The header of an image claims more pixels than wildsr reads."""


class FormatError(ImageError, UsageError):
    """A file format was asked for that does not exist or cannot be written."""
