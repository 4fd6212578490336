"""The one error of this layer."""


class PictureError(Exception):
    """A picture cannot be read or written; the message says what happened, to which file, and what to do."""
