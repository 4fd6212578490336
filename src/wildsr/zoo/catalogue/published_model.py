"""Facts about a published model file: its network, its project and its addresses. Imports no torch."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Commercial = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Project:
    """A project that published model files, and its licence.

    ``commercial``: whether the licence of the repository that publishes the files allows commercial use. None of
    these projects states whether its licence also covers the weights, nor the consequences of the photos they
    were trained on, of which many (DIV2K, Flickr2K, DPED) were published for research.
    """

    paper: str
    repository: str
    licence: str
    commercial: Commercial


@dataclass(frozen=True)
class PublishedModel:
    """A published file, and the name that wildsr gives to it.

    Attributes:
        file: the name under which it is published.
        architecture: a key of :data:`wildsr.zoo.architectures.ARCHITECTURES`.
        scale: HR pixels per LR pixel; 1 for DSGAN, which adds realistic noise to clean images, for training.
        good_at: the images that it is for, according to its authors.
        urls: direct addresses, best first.
        page: web page of the file, where there is no direct address.
        sha256: of the published file.
        size: of the published file, in bytes.
        copies: direct addresses of copies by others, tried last; their bytes may differ from the published file (saved
            again), so that architecture and sizes are checked instead of the checksum.
        sizes: arguments of the network, as far as known; see :attr:`wildsr.zoo.model.Contract.sizes`.
        value_range: the network works in [0, value_range].
    """

    name: str
    file: str
    project: Project
    architecture: str
    scale: int
    good_at: str
    urls: tuple[str, ...] = ()
    page: str | None = None
    sha256: str | None = None
    size: int | None = None
    value_range: float = 1.0
    copies: tuple[str, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()

    @property
    def direct(self) -> bool:
        """Whether it can be downloaded without a browser."""
        return bool(self.urls or self.copies)

    @property
    def saved_as(self) -> str:
        """The name of its file in the models folder, and on a mirror."""
        suffix = PurePosixPath(self.file).suffix
        # DSGAN's .tar files are written by torch.save, and are no tape archives.
        return self.name + (".pth" if suffix == ".tar" else suffix)

    @property
    def by_hand(self) -> str:
        """Instructions for adding the file to the models folder by hand."""
        where = self.urls[0] if self.urls else self.page or self.project.repository
        return (
            f"open {where} in a browser, save {self.file}, and run "
            f"`wildsr models add {self.file} --as {self.name}`"
        )

    @property
    def how_to_get(self) -> str:
        """One sentence on how to get the file."""
        if self.direct:
            return f"get it with `wildsr models pull {self.name}`"
        return f"there is no direct address to download it from: {self.by_hand}"
