"""Addresses of objects in stores, with the members of ``Path`` that the program uses. Loads no obstore."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import NamedTuple

SCHEMES = ("s3", "gs", "az", "http", "https")


class Version(NamedTuple):
    """State of a file: its size in bytes, and its time of modification (ns) or entity tag."""

    size: int
    stamp: str


@dataclass(frozen=True, order=True)
class ObjectPath:
    """An object such as ``s3://bucket/scans/0001.tif``, or a folder: all names that begin with it and a slash.

    Attributes:
        root: ``s3://bucket``, ``https://host:port`` ...
        key: the name within it, without a slash at its ends; taken literally, not percent-decoded, except for HTTP,
            whose addresses are kept as they were given.
        folder: whether the given address ended with a slash.
        version: its state when it was listed; None: not listed.
    """

    root: str
    key: str = ""
    folder: bool = field(default=False, compare=False)
    version: Version | None = field(default=None, compare=False)

    @property
    def scheme(self) -> str:
        """``s3``, ``gs``, ``az``, ``http`` or ``https``."""
        return self.root.partition("://")[0]

    # Strings, not PurePosixPath: these are called for every name of a listing.
    @property
    def name(self) -> str:
        """The part after the last slash; of HTTP addresses, without a query."""
        key = self.key.partition("?")[0] if self.root.startswith("http") else self.key
        return key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        name = self.name
        return name[: len(name) - len(suffix_of(name))]

    @property
    def suffix(self) -> str:
        """The suffix of the name, with its dot."""
        return suffix_of(self.name)

    @property
    def parent(self) -> "ObjectPath":
        """The folder that contains it; that of a bucket is itself."""
        return ObjectPath(self.root, self.key.rpartition("/")[0], folder=True)

    def with_name(self, name: str) -> "ObjectPath":
        """Another object in the same folder."""
        return self.parent / name

    def name_within(self, folder: "ObjectPath") -> str:
        """Its name within ``folder``. Raises ``ValueError`` when it does not lie there."""
        if not self.is_relative_to(folder):
            raise ValueError(f"{self} is not below {folder}")
        return self.key[len(folder.key) :].lstrip("/")

    def is_relative_to(self, folder: "ObjectPath") -> bool:
        """Whether it lies below ``folder``, or is it."""
        return self.root == folder.root and (
            not folder.key or self.key == folder.key or self.key.startswith(folder.key + "/")
        )

    def __truediv__(self, name: str | PurePath) -> "ObjectPath":
        """An object within this folder."""
        parts = name.parts if isinstance(name, PurePath) else name.split("/")
        return ObjectPath(self.root, _joined([self.key, *parts]))

    def listed(self, version: Version) -> "ObjectPath":
        """The same object with its state."""
        return replace(self, version=version)

    def __str__(self) -> str:
        return f"{self.root}/{self.key}" if self.key else self.root


def object_path(address: str) -> ObjectPath:
    """The object that an address names. Raises ``ValueError`` for an address without a bucket or host."""
    scheme, _, rest = address.partition("://")
    root, _, key = rest.partition("/")
    if not root:
        raise ValueError(f"{address} names no {'host' if scheme.startswith('http') else 'bucket'}")
    return ObjectPath(f"{scheme.lower()}://{root}", key.strip("/"), folder=not key or key.endswith("/"))


def suffix_of(name: str) -> str:
    """The suffix of a file name, with its dot, as ``Path.suffix`` has it."""
    dot = name.rfind(".")
    return name[dot:] if 0 < dot < len(name) - 1 else ""


def is_address(text: str) -> bool:
    """Whether ``text`` is the address of an object, and not the name of a local file."""
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme.lower() in SCHEMES


def _joined(parts: Iterable[str]) -> str:
    return "/".join(part for part in parts if part not in ("", "."))
