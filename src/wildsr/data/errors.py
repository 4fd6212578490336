"""The errors of this layer."""

from wildsr.errors import UsageError, WildsrError


class DataError(WildsrError):
    """Training images are missing or unusable. The message names the files and what to do."""


class DataUsageError(DataError, UsageError):
    """The request names a data set, a file or a folder that does not exist or is unsuitable."""


def listed(items: list[str], most: int = 5) -> str:
    """The first ``items``, one per line, and the number of the others."""
    shown = [f"  {item}" for item in items[:most]]
    if len(items) > most:
        shown.append(f"  ... and {len(items) - most} more")
    return "\n".join(shown)
