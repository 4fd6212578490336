"""Every data set of the catalogue by name. Imports no torch."""

from difflib import get_close_matches

from wildsr.data.catalogue.cameras import CAMERA_SETS
from wildsr.data.catalogue.challenges import CHALLENGE_SETS
from wildsr.data.catalogue.classic import CLASSIC_SETS
from wildsr.data.catalogue.published_set import PublishedSet
from wildsr.data.errors import DataUsageError

PUBLISHED_SETS: dict[str, PublishedSet] = {
    one.name: one for one in (*CHALLENGE_SETS, *CAMERA_SETS, *CLASSIC_SETS)
}


def describe_set(name: str) -> PublishedSet:
    """The data set of a name.

    Raises:
        DataError: for an unknown name, with the nearest known ones.
    """
    try:
        return PUBLISHED_SETS[name]
    except KeyError:
        near = get_close_matches(name.lower(), PUBLISHED_SETS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(PUBLISHED_SETS)}"
        raise DataUsageError(f"there is no data set '{name}' in the catalogue; {hint}") from None
