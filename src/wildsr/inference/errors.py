"""The errors of this layer."""

from wildsr.errors import WildsrError


class UpscaleError(WildsrError):
    """The image could not be upscaled; the message says why and what to do."""


class JobCancelled(Exception):
    """Raised by a callback of :func:`wildsr.inference.batch.run` to cancel the image that is being upscaled."""
