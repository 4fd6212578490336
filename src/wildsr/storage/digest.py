"""Digests of files. Loads no torch."""

import hashlib
from pathlib import Path

from wildsr.storage.locations import Location, content_of

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits. Raises ``OSError``."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def digest_of(location: Location, content: bytes | None = None) -> str:
    """SHA-256 of a file or object; with ``content``, of these bytes. Raises ``OSError``."""
    content = content_of(location) if content is None else content
    return sha256_of(Path(str(location))) if content is None else hashlib.sha256(content).hexdigest()
