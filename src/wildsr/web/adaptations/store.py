"""Adaptations on the disk: photos, model and report of each."""

import contextlib
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from wildsr.web.adaptations.record import AdaptationRecord
from wildsr.web.store import Records

_MODEL, _REPORT = "camera.safetensors", "camera.html"
PHOTOS, SHARP = "photos", "sharp"


class AdaptationStore(Records[AdaptationRecord]):
    """All adaptations, in the database of the jobs."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        files = folder / "adaptations"
        files.mkdir(mode=0o700, exist_ok=True)
        super().__init__(AdaptationRecord, database, files)

    def model_of(self, record: AdaptationRecord) -> Path:
        """The file of the model, if there is one."""
        return self.folder_of(record) / _MODEL

    def report_of(self, record: AdaptationRecord) -> Path:
        """The file of the report, if there is one."""
        return self.folder_of(record) / _REPORT

    @contextlib.contextmanager
    def receiving(self) -> Iterator[Path]:
        """A folder for photos that are being received; it is gone after the block unless :meth:`add` took it."""
        folder = self._files / f"receiving-{secrets.token_hex(16)}"
        for made in (folder, folder / PHOTOS, folder / SHARP):
            made.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, record: AdaptationRecord, received: Path) -> None:
        """Add an adaptation with its folder, which is moved."""
        with self.adding(record) as folder:
            received.rename(folder)

    def forget_work(self, record: AdaptationRecord) -> None:
        """Delete everything but the photos."""
        for path in self.folder_of(record).iterdir():
            if path.name in (PHOTOS, SHARP):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
