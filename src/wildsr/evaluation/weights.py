"""The files that learned metrics need: where they are looked for, and how to get them. Imports no torch.

None of them comes with wildsr.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from wildsr.errors import UsageError
from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import models_folder
from wildsr.zoo.download import OnBytes, download
from wildsr.zoo.errors import ModelError

FOLDER_VARIABLE = "WILDSR_METRICS"


_NAME_ITS_FOLDER = (
    f"name its folder with {FOLDER_VARIABLE} (`wildsr evaluate`: --weights-dir; `wildsr train`: --features)"
)


class MissingWeights(UsageError, FileNotFoundError):
    """A metric's file is not here; the message says how to get it."""


@dataclass(frozen=True)
class WeightsSource:
    """A published file.

    Attributes:
        origin: who publishes it.
        licence: SPDX name of what its publisher's repository says.
        urls: direct addresses, best first; none where there is no address to fetch from.
        sha256: of the file, where it is known.
        digest_start: first digits of its SHA-256, where only these are known: torchvision puts them into file names.
        by_hand: what a person does to get it, when there is no address.
    """

    origin: str
    licence: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    digest_start: str = ""
    by_hand: str = ""


_BASICSR = "https://github.com/XPixelGroup/BasicSR/raw/master/basicsr/metrics"
_LPIPS = "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1"
_TORCHVISION = "https://download.pytorch.org/models"

_BRISQUE = WeightsSource(
    "the authors' BRISQUE release",
    "the notice of LIVE, University of Texas at Austin",
    by_hand="take allmodel and allrange from https://live.ece.utexas.edu/research/quality/BRISQUE_release.zip",
)


def _torchvision(name: str, digest_start: str) -> WeightsSource:
    url = f"{_TORCHVISION}/{name}-{digest_start}.pth"
    return WeightsSource("torchvision", "BSD-3-Clause", (url,), digest_start=digest_start)


FILES: dict[str, WeightsSource] = {
    "niqe_pris_params.npz": WeightsSource(
        "BasicSR, after the authors' MATLAB code", "Apache-2.0", (f"{_BASICSR}/niqe_pris_params.npz",)
    ),
    "allmodel": _BRISQUE,
    "allrange": _BRISQUE,
    "lpips_alex.pth": WeightsSource("LPIPS 0.1", "BSD-2-Clause", (f"{_LPIPS}/alex.pth",)),
    "lpips_squeeze.pth": WeightsSource("LPIPS 0.1", "BSD-2-Clause", (f"{_LPIPS}/squeeze.pth",)),
    "lpips_vgg.pth": WeightsSource("LPIPS 0.1", "BSD-2-Clause", (f"{_LPIPS}/vgg.pth",)),
    "alexnet.pth": _torchvision("alexnet-owt", "7be5be79"),
    "squeezenet1_1.pth": _torchvision("squeezenet1_1", "b8a52dc0"),
    "vgg19.pth": _torchvision("vgg19", "dcbb9e9d"),
    "vgg16.pth": _torchvision("vgg16", "397923af"),
}
"""The published files by the name they have in a folder of metrics."""


def metrics_folders(chosen: Path | None = None) -> tuple[Path, ...]:
    """Where files are looked for: ``chosen`` alone; else ``WILDSR_METRICS``; else ``metrics`` in the models folder."""
    if chosen is not None:
        return (chosen,)
    named = os.environ.get(FOLDER_VARIABLE)
    return (Path(named).expanduser(),) if named else (models_folder() / "metrics",)


def find_file(names: tuple[str, ...], folder: Path | None = None) -> Path:
    """The first of ``names`` that is in one of :func:`metrics_folders`; other names of one thing come later.

    Raises:
        MissingWeights: none of them is there; says where it was looked for and how to get the last.
    """
    folders = metrics_folders(folder)
    for place in folders:
        for name in names:
            if (place / name).is_file():
                return place / name
    raise MissingWeights(
        f"there is no {' or '.join(names)} in {' or '.join(map(str, folders))}; {_how_to_get(names[-1])}"
    )


def pull_file(name: str, folder: Path | None = None, on_bytes: OnBytes | None = None) -> Path:
    """Download one of :data:`FILES` into the folder of metrics, and return it.

    Raises:
        MissingWeights: it has no address; says what a person does.
        ModelError: it cannot be had.
    """
    source = FILES.get(name)
    if source is None or not source.urls:
        raise MissingWeights(f"{name} cannot be downloaded: {_how_to_get(name)}")
    target = metrics_folders(folder)[0] / name

    def check(path: Path) -> None:
        _not_a_page(path)
        digest = sha256_of(path) if source.digest_start else ""
        if not digest.startswith(source.digest_start):
            raise ModelError(f"what it sent is not {name} (SHA-256 {digest}, not {source.digest_start}...)")

    return download(source.urls, target, sha256=source.sha256, check=check, on_bytes=on_bytes)


def identity(path: Path) -> str:
    """What a protocol records of a file: its name and SHA-256."""
    return f"{path.name} sha256:{sha256_of(path)}"


def _not_a_page(path: Path) -> None:
    """Refuse what servers send instead of a file; whoever loads it looks more closely."""
    with path.open("rb") as file:
        if file.read(1) == b"<":
            raise ModelError("what came is a web page, not the file")


def _how_to_get(name: str) -> str:
    source = FILES.get(name)
    if source is None:
        return f"put it there, or {_NAME_ITS_FOLDER}"
    ways = (
        f"`wildsr models pull {name}` downloads it from {source.urls[0]}" if source.urls else source.by_hand
    )
    return f"it comes from {source.origin} ({source.licence}): {ways}; or {_NAME_ITS_FOLDER}"
