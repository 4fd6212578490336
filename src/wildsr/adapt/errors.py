"""Errors of an adaptation."""

from collections.abc import Mapping

from wildsr.errors import UsageError, WildsrError


class AdaptError(WildsrError):
    """An adaptation cannot go on; the message says why and what to do."""


class SeveralCameras(UsageError):
    """The photos are from several cameras, and it was not said which is meant.

    Attributes:
        cameras: number of usable photos by camera, the largest first.
    """

    def __init__(self, message: str, cameras: Mapping[str, int]) -> None:
        super().__init__(message)
        self.cameras = dict(cameras)
