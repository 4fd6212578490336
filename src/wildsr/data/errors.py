"""The error of this layer."""

from wildsr.errors import UsageError, WildsrError


class DataError(WildsrError):
    """Training images are missing or unfit. The message says what is wrong, with which files, and what to do."""


class DataUsageError(DataError, UsageError):
    """The request names a data set, a file or a folder that does not exist or does not fit."""


def listed(items: list[str], most: int = 5) -> str:
    """The first of many ``items``, one a line, and how many more there are."""
    shown = [f"  {item}" for item in items[:most]]
    if len(items) > most:
        shown.append(f"  ... and {len(items) - most} more")
    return "\n".join(shown)
