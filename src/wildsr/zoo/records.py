"""Remembers the contract of model files, by their content, so that a known file need not be read again. No torch.

The records of the embedded models come with the package; ``python tests/zoo/packaged_records.py`` writes them.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from wildsr.storage.atomic import write_text
from wildsr.storage.caches import cache_folder

_CODE = ("zoo/architectures", "networks")
PACKAGED = Path(__file__).parent / "weights" / "records.json"
"""Records of the embedded models by the SHA-256 of their files."""


@dataclass(frozen=True)
class KnownModel:
    """Facts about a model file that was once loaded; those of a ``Contract``, and these.

    Attributes:
        identity: see :meth:`wildsr.zoo.Model.identity`.
        whole_image: see :attr:`wildsr.zoo.Model.needs_whole_image`.
        metadata: the metadata of the file's header.
    """

    architecture: str
    sizes: dict[str, int]
    scale: int
    value_range: float
    size_multiple: int
    receptive_field: int
    overlap: int
    largest_tile: int
    identity: str
    whole_image: bool
    metadata: dict[str, str]


def recall(digest: str) -> KnownModel | None:
    """The record of the file with this SHA-256; None if there is none, or other code wrote it."""
    if packaged := _packaged().get(digest):
        return packaged
    try:
        return KnownModel(**json.loads(_path(digest).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remember(digest: str, record: KnownModel) -> None:
    """Keep a record if possible; without a writable cache the file is read again next time."""
    path = _path(digest)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_text(path, json.dumps(asdict(record)))
    except OSError:
        return


@cache
def _packaged() -> dict[str, KnownModel]:
    records = json.loads(PACKAGED.read_text(encoding="utf-8"))
    return {digest: KnownModel(**record) for digest, record in records.items()}


def _path(digest: str) -> Path:
    key = hashlib.sha256(f"{digest} {_code()}".encode()).hexdigest()[:32]
    return cache_folder("models") / f"{key}.json"


@cache
def _code() -> str:
    """A digest of the modules that decide about a contract: records of other code are not used."""
    package = Path(__file__).parents[1]
    files = sorted(file for folder in _CODE for file in (package / folder).glob("*.py"))
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(states).encode()).hexdigest()
