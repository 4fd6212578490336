"""The files of feature networks and learned metrics: their folders, and how to get them. Imports no torch.

None of them is part of wildsr.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from wildsr.errors import UsageError
from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import models_folder
from wildsr.zoo.download import OnBytes, download
from wildsr.zoo.errors import ModelError

FOLDER_VARIABLE = "WILDSR_FEATURES"
OLD_FOLDER_VARIABLE = "WILDSR_METRICS"
"""The earlier name, which works where the new one is not set."""


_NAME_ITS_FOLDER = f"name its folder with --features or {FOLDER_VARIABLE}"


class MissingWeights(UsageError, FileNotFoundError):
    """The file of a feature network or metric is missing; the message says how to get it."""


@dataclass(frozen=True)
class FeatureFile:
    """A published file.

    Attributes:
        origin: its publisher.
        licence: SPDX name of the licence of the publisher's repository.
        urls: addresses for download, best first; may be empty.
        sha256: of the file, if known.
        digest_start: first digits of its SHA-256, where only these are known: torchvision puts them into file names.
        md5: where the publisher states this alone, as Keras does.
        git_blob: git's SHA-1 of it, where it is known from a repository alone.
        by_hand: instructions, when there is no address.
    """

    origin: str
    licence: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    digest_start: str = ""
    md5: str = ""
    git_blob: str = ""
    by_hand: str = ""


_BASICSR = "https://github.com/XPixelGroup/BasicSR/raw/master/basicsr/metrics"
_LPIPS = "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1"
KERAS_VGG19 = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
"""The name that Keras gives its file, which is accepted too."""
_TORCHVISION = "https://download.pytorch.org/models"

_BRISQUE = FeatureFile(
    "the authors' BRISQUE release",
    "the notice of LIVE, University of Texas at Austin",
    by_hand="take allmodel and allrange from https://live.ece.utexas.edu/research/quality/BRISQUE_release.zip",
)


def _torchvision(name: str, digest_start: str) -> FeatureFile:
    url = f"{_TORCHVISION}/{name}-{digest_start}.pth"
    return FeatureFile("torchvision", "BSD-3-Clause", (url,), digest_start=digest_start)


FILES: dict[str, FeatureFile] = {
    "niqe_pris_params.npz": FeatureFile(
        "BasicSR, after the authors' MATLAB code", "Apache-2.0", (f"{_BASICSR}/niqe_pris_params.npz",)
    ),
    "allmodel": _BRISQUE,
    "allrange": _BRISQUE,
    "NRQM_model.mat": FeatureFile(
        "the authors' repository, where it is model.mat",
        "MIT",
        ("https://github.com/chaoma99/sr-metric/raw/master/model.mat",),
        git_blob="a852aefb6a49e52703044fee4fa60c3f5b8d5adc",
    ),
    "lpips_alex.pth": FeatureFile("LPIPS 0.1", "BSD-2-Clause", (f"{_LPIPS}/alex.pth",)),
    "lpips_squeeze.pth": FeatureFile("LPIPS 0.1", "BSD-2-Clause", (f"{_LPIPS}/squeeze.pth",)),
    "lpips_vgg.pth": FeatureFile("LPIPS 0.1", "BSD-2-Clause", (f"{_LPIPS}/vgg.pth",)),
    "alexnet.pth": _torchvision("alexnet-owt", "7be5be79"),
    "squeezenet1_1.pth": _torchvision("squeezenet1_1", "b8a52dc0"),
    "vgg19.pth": _torchvision("vgg19", "dcbb9e9d"),
    "vgg19-keras.h5": FeatureFile(
        "keras.applications, after the weights of VGG, University of Oxford",
        "Creative Commons Attribution",
        (
            f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{KERAS_VGG19}",
            f"https://github.com/fchollet/deep-learning-models/releases/download/v0.1/{KERAS_VGG19}",
        ),
        md5="253f8cb515780f3b799900260a226db6",
    ),
    "vgg16.pth": _torchvision("vgg16", "397923af"),
}
"""The published files by the name that they have in the folder of feature networks."""


def features_folders(chosen: Path | None = None) -> tuple[Path, ...]:
    """The folders to search: ``chosen``, else WILDSR_FEATURES, else ``metrics`` in the models folder."""
    if chosen is not None:
        return (chosen,)
    named = os.environ.get(FOLDER_VARIABLE) or os.environ.get(OLD_FOLDER_VARIABLE)
    return (Path(named).expanduser(),) if named else (models_folder() / "metrics",)


def find_file(names: tuple[str, ...], folder: Path | None = None) -> Path:
    """The first of ``names``, alternatives of one file, that is in one of :func:`features_folders`.

    Raises:
        MissingWeights: none is there; says which folders were searched, and how to get the last.
    """
    folders = features_folders(folder)
    for place in folders:
        for name in names:
            if (place / name).is_file():
                return place / name
    raise MissingWeights(
        f"there is no {' or '.join(names)} in {' or '.join(map(str, folders))}; {_how_to_get(names[-1])}"
    )


def pull_file(name: str, folder: Path | None = None, on_bytes: OnBytes | None = None) -> Path:
    """Download one of :data:`FILES` into the folder of feature networks, and return it.

    Raises:
        MissingWeights: it has no address; says how to get it by hand.
        ModelError: the download fails.
    """
    source = FILES.get(name)
    if source is None or not source.urls:
        raise MissingWeights(f"{name} cannot be downloaded: {_how_to_get(name)}")
    target = features_folders(folder)[0] / name

    def check(path: Path) -> None:
        _not_a_page(path)
        digest = sha256_of(path) if source.digest_start else ""
        if not digest.startswith(source.digest_start):
            raise ModelError(f"what it sent is not {name} (SHA-256 {digest}, not {source.digest_start}...)")
        start = f"blob {path.stat().st_size}\0".encode()
        for kind, prefix, expected in (("md5", b"", source.md5), ("sha1", start, source.git_blob)):
            found = _digest(path, kind, prefix) if expected else ""
            if found != expected:
                raise ModelError(f"what it sent is not {name} ({kind.upper()} {found}, not {expected})")

    return download(source.urls, target, sha256=source.sha256, check=check, on_bytes=on_bytes)


def _digest(path: Path, kind: str, prefix: bytes) -> str:
    digest = hashlib.new(kind, prefix, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def identity(path: Path) -> str:
    """The name and SHA-256 of a file, as recorded in evaluation results."""
    return f"{path.name} sha256:{sha256_of(path)}"


def _not_a_page(path: Path) -> None:
    """Refuse web pages, which servers may send instead of a file."""
    with path.open("rb") as file:
        if file.read(1) == b"<":
            raise ModelError("the server sent a web page instead of the file")


def _how_to_get(name: str) -> str:
    source = FILES.get(name)
    if source is None:
        return f"put it there, or {_NAME_ITS_FOLDER}"
    ways = (
        f"`wildsr models pull {name}` downloads it from {source.urls[0]}" if source.urls else source.by_hand
    )
    return f"it comes from {source.origin} ({source.licence}): {ways}; or {_NAME_ITS_FOLDER}"
