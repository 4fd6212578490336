"""Downloads a data set into a folder, verifies and unpacks it, continuing interrupted downloads."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from wildsr.data.catalogue.published_set import PublishedSet, RemoteFile
from wildsr.data.errors import DataError, DataUsageError
from wildsr.data.sets.unpack import is_archive, remove_leftovers, stem_of, unpack
from wildsr.storage.atomic import write_text
from wildsr.storage.digest import sha256_of
from wildsr.zoo.download.transfer import PATIENT, Patience, download
from wildsr.zoo.errors import ModelError

FOLDER_VARIABLE = "WILDSR_DATA"
MIRROR_VARIABLE = "WILDSR_DATA_MIRROR"
_RECORD = ".wildsr-data.json"
_DOWNLOADS = ".downloads"

OnProgress = Callable[[str, int, "int | None"], None]
"""Called with (description, bytes so far, bytes in all or None)."""


@dataclass(frozen=True)
class Pulled:
    """The outcome of downloading a data set.

    Attributes:
        folder: of the data set.
        done: paths of the files that are complete; of archives, the unpacked folders.
        by_hand: files without a direct address, which the user has to download in a browser.
        failed: files that could not be downloaded, with the reason.
    """

    folder: Path
    done: tuple[str, ...]
    by_hand: tuple[RemoteFile, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


def sets_folder() -> Path:
    """Default folder of data sets: the variable WILDSR_DATA, or the data folder of the user."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("wildsr", appauthor=False)) / "data"


def pull_set(
    published: PublishedSet,
    folder: Path,
    *,
    only: Sequence[str] = (),
    archives: Sequence[Path] = (),
    keep_archives: bool = False,
    on_progress: OnProgress | None = None,
    patience: Patience = PATIENT,
) -> Pulled:
    """Download a data set into ``folder``.

    Every file is downloaded to a temporary name, compared with its size and SHA-256 if these are known, and unpacked
    into a folder of its name that appears only when it is complete. Files finished by an earlier run are skipped.

    Args:
        published: the data set.
        folder: of the data set.
        only: names of files; by default all that are not optional.
        archives: archives that the user downloaded, to be verified and unpacked; they are recognised by name, and
            any other archive is unpacked under its own name.
        keep_archives: leave downloaded archives in ``folder/.downloads``.
        on_progress: progress.
        patience: how long to wait for servers.

    Raises:
        DataError: an unknown name in ``only``, or a given archive that is missing, damaged, or another file than the
            published one.
        OSError: ``folder`` cannot be written.
    """
    wanted = _wanted(published, only)
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    record = _Record(folder / _RECORD, published.name)
    for archive in archives:
        _take(published, folder, archive, record, on_progress)
    given = bool(archives) and not only
    by_hand, failed = [], {}
    for file in wanted:
        if record.has(file.path) and _target(folder, file).exists():
            continue
        urls = [*_mirrored(published, file), *file.urls]
        if not urls:
            by_hand.append(file)
            continue
        if given:
            continue
        try:
            _fetch(file, urls, folder, keep_archives, on_progress, patience)
            record.add(file.path)
        except (ModelError, DataError) as error:
            failed[file.path] = str(error)
    # Archives of the user replace the files that cannot be downloaded automatically, whatever their names.
    missing = () if archives else tuple(by_hand)
    return Pulled(folder, record.files, missing, failed)


def steps_by_hand(published: PublishedSet, folder: Path, files: Sequence[RemoteFile]) -> list[str]:
    """Instructions for the user, one numbered step per line, for adding ``files`` to ``folder``."""
    steps = []
    for file in files:
        where = file.by_hand or published.page
        steps.append(f"Open {where} in a browser, accept its terms if it asks, and save {file.name}.")
    names = " ".join(f"--archive {_quoted(file.name)}" for file in files)
    steps.append(
        f"In the folder where you saved {'it' if len(files) == 1 else 'them'}, run: wildsr data pull "
        f"{published.name} --to {_quoted(str(folder))} {names}"
    )
    steps.append("Where the file has another name, give that name; wildsr checks what is inside.")
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]


def _quoted(text: str) -> str:
    return f'"{text}"' if any(letter in text for letter in " ()&'") else text


def _wanted(published: PublishedSet, only: Sequence[str]) -> list[RemoteFile]:
    known = {file.name: file for file in published.files}
    for name in only:
        if name not in known:
            listed = ", ".join(list(known)[:8]) + (" ..." if len(known) > 8 else "")
            raise DataUsageError(f"'{published.name}' has no file '{name}'; it has {listed}")
    return [known[name] for name in only] or [file for file in published.files if not file.optional]


def _mirrored(published: PublishedSet, file: RemoteFile) -> list[str]:
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    return [f"{mirror}/{published.name}/{file.path}"] if mirror else []


def _target(folder: Path, file: RemoteFile) -> Path:
    """The final path of a file; for an archive, the folder that it is unpacked to."""
    place = folder / file.path
    return place.with_name(stem_of(file.name)) if is_archive(file.name) else place


def _fetch(
    file: RemoteFile,
    urls: list[str],
    folder: Path,
    keep_archives: bool,
    on_progress: OnProgress | None,
    patience: Patience,
) -> None:
    packed = is_archive(file.name)
    place = folder / _DOWNLOADS / file.name if packed else folder / file.path
    if not (packed and place.is_file() and _is_right(place, file)):
        download(
            urls,
            place,
            sha256=file.sha256,
            size=file.size,
            check=None if packed or file.sha256 else _require_image,
            on_bytes=lambda done, total: on_progress and on_progress(file.name, done, total),
            patience=patience,
        )
    if not packed:
        return
    _unpack(place, _target(folder, file), on_progress)
    if not keep_archives:
        place.unlink()
        _remove_if_empty(place.parent)


def _take(
    published: PublishedSet, folder: Path, archive: Path, record: "_Record", on_progress: OnProgress | None
) -> None:
    """Verify and unpack an archive that the user downloaded; the archive is kept."""
    if not archive.is_file():
        raise DataUsageError(f"there is no file {archive}")
    file = next((file for file in published.files if file.name == archive.name), RemoteFile(archive.name))
    if record.has(file.path) and _target(folder, file).exists():
        return
    if not is_archive(archive.name):
        raise DataUsageError(
            f"{archive} is no archive that wildsr unpacks; unpack it into {folder} yourself and run "
            f"`wildsr data check {published.name} {folder}`"
        )
    if file.size is not None and archive.stat().st_size != file.size:
        raise DataError(
            f"{archive} has {archive.stat().st_size} bytes, the published {file.name} has {file.size}; download it "
            "again"
        )
    if file.sha256 is not None and (digest := sha256_of(archive)) != file.sha256:
        raise DataError(
            f"{archive} is not the published {file.name} (SHA-256 {digest} instead of {file.sha256}); download it again"
        )
    _unpack(archive, _target(folder, file), on_progress)
    record.add(file.path)


def _unpack(archive: Path, target: Path, on_progress: OnProgress | None) -> None:
    unpack(
        archive,
        target,
        on_files=lambda done: on_progress and on_progress(f"unpacking {archive.name}", done, None),
    )


def _require_image(path: Path) -> None:
    """Refuse what is not a whole PNG image, the format of all single files of the catalogue."""
    content = path.read_bytes()
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or b"IEND" not in content[-16:]:
        raise ModelError("its response is not a complete PNG image")


def _is_right(path: Path, file: RemoteFile) -> bool:
    return file.sha256 is not None and sha256_of(path) == file.sha256


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


class _Record:
    """Records in the folder of a data set which of its files are finished."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            self._files = [str(file) for file in content["files"]] if content["set"] == name else []
        except (OSError, ValueError, KeyError, TypeError):
            self._files = []

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self._files)

    def has(self, file: str) -> bool:
        return file in self._files

    def add(self, file: str) -> None:
        if file not in self._files:
            self._files.append(file)
        write_text(self._path, json.dumps({"set": self._name, "files": self._files}, indent=1))
