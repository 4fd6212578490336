"""The one error of this layer."""


class ImageError(Exception):
    """An image cannot be read or written; the message says what happened, to which file, and what to do."""
