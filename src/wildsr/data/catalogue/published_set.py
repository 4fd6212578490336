"""A published data set as facts: files, names of images, and which of them form pairs. Imports no torch."""

from dataclasses import dataclass
from importlib.resources import files as resource_files

UNKNOWN = "unknown"


@dataclass(frozen=True)
class RemoteFile:
    """One file to download: an archive, which is unpacked, or an image.

    Attributes:
        path: its path in the folder of the data set, with ``/``; an archive is unpacked beside it into
            a folder of its name.
        urls: direct addresses, best first; none where only a browser or a form can fetch it.
        sha256: of the file, or None where nobody has published it.
        size: in bytes, or None where unknown.
        by_hand: where a person finds it in a browser.
        optional: downloaded only if requested by name.
    """

    path: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    size: int | None = None
    by_hand: str = ""
    optional: bool = False

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class ImageGroup:
    """Images of one kind within a data set, and the folder that ``wildsr data layout`` gives them.

    Attributes:
        folder: such as ``test/HR``.
        match: a regular expression for the place of an image in the unpacked set (``/`` on every system, matched
            from the start, case ignored); its group ``name`` becomes the name of the image, without the ending.
        images: how many there are, or None where unknown.
        about: description in plain text.
        optional: its absence is no fault.
    """

    folder: str
    match: str
    images: int | None = None
    about: str = ""
    optional: bool = False


@dataclass(frozen=True)
class PairedGroups:
    """Two groups whose images of one name belong together; HR has ``scale`` times the pixels of LR on each side."""

    lr: str
    hr: str
    scale: int


@dataclass(frozen=True)
class PublishedSet:
    """A data set.

    Attributes:
        name: as in ``wildsr data show NAME``.
        title: one line of plain text.
        paper: where it was published.
        page: where its authors describe it.
        licence: as its authors state it.
        terms: further conditions of use, or a note on what is unknown.
        files: to download.
        groups: of images.
        pairs: of groups.
        recipes: names of wildsr's recipes that are made for it.
        protocols: names of wildsr's benchmarks that use it.
        notes: what a person should know before downloading.
    """

    name: str
    title: str
    paper: str
    page: str
    licence: str
    terms: str
    files: tuple[RemoteFile, ...]
    groups: tuple[ImageGroup, ...]
    pairs: tuple[PairedGroups, ...] = ()
    recipes: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes to download, without optional files; None where one is unknown."""
        sizes = [file.size for file in self.files if not file.optional]
        return None if not sizes or None in sizes else sum(size or 0 for size in sizes)

    @property
    def direct(self) -> bool:
        """Whether every file that is not optional has a direct address."""
        return all(file.urls for file in self.files if not file.optional)


def files_at_commit(listing: str, repository: str, commit: str) -> tuple[RemoteFile, ...]:
    """The files in a listing of this package (SHA-256, bytes, path), at one commit of a GitHub repository."""
    text = (
        resource_files("wildsr.data.catalogue")
        .joinpath("files")
        .joinpath(f"{listing}.tsv")
        .read_text("utf-8")
    )
    found = []
    for line in text.splitlines():
        sha256, size, path = line.split("\t")
        url = f"https://raw.githubusercontent.com/{repository}/{commit}/{path}"
        found.append(RemoteFile(path, (url,), sha256, int(size)))
    return tuple(found)
