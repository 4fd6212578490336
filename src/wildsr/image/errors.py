"""The errors of this layer."""


class ImageError(Exception):
    """An image cannot be read or written; the message says what happened, to which file, and what to do."""


class ImageTooLarge(ImageError):
    """The header of an image claims more pixels than wildsr reads."""
