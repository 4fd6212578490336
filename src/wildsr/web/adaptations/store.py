"""Adaptations on the disk: records in the service's SQLite file, and a folder of files for each."""

import contextlib
import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from wildsr.web.adaptations.record import AdaptationRecord

_SCHEMA = """
create table if not exists adaptations (
    number integer primary key autoincrement, id text unique not null, record text not null
)
"""
_MODEL, _REPORT = "camera.safetensors", "camera.html"
PHOTOS, SHARP = "photos", "sharp"


class AdaptationStore:
    """All adaptations, in memory and on the disk; a record is on the disk before the call that changes it returns."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self._folder, self._database = folder / "adaptations", database
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with database:
            database.execute(_SCHEMA)
        rows = database.execute("select record from adaptations order by number").fetchall()
        self._records = {one.id: one for one in (AdaptationRecord(**json.loads(row[0])) for row in rows)}
        for left in self._folder.iterdir():
            if left.name not in self._records:
                shutil.rmtree(left, ignore_errors=True)

    def __iter__(self) -> Iterator[AdaptationRecord]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def get(self, name: str) -> AdaptationRecord | None:
        """The adaptation of an id."""
        return self._records.get(name)

    def with_key(self, client: str, key: str) -> AdaptationRecord | None:
        """The adaptation that a client made with an Idempotency-Key."""
        return next((one for one in self if one.client == client and one.key == key), None)

    def folder_of(self, record: AdaptationRecord) -> Path:
        """The folder of an adaptation's files."""
        return self._folder / record.id

    def model_of(self, record: AdaptationRecord) -> Path:
        """The file of the model, if there is one."""
        return self.folder_of(record) / _MODEL

    def report_of(self, record: AdaptationRecord) -> Path:
        """The file of the report, if there is one."""
        return self.folder_of(record) / _REPORT

    def disk(self) -> int:
        """Bytes of all files, as far as they were measured."""
        return sum(record.disk for record in self)

    @contextlib.contextmanager
    def receiving(self) -> Iterator[Path]:
        """A folder for photos that are being received; it is gone after the block unless :meth:`add` took it."""
        folder = self._folder / f"receiving-{secrets.token_hex(16)}"
        for made in (folder, folder / PHOTOS, folder / SHARP):
            made.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, record: AdaptationRecord, received: Path) -> None:
        """Add an adaptation with its folder, which is moved; ``number`` is set here."""
        folder = self.folder_of(record)
        received.rename(folder)
        try:
            with self._database:
                cursor = self._database.execute(
                    "insert into adaptations (id, record) values (?, '')", (record.id,)
                )
                record.number = cursor.lastrowid or 0
                self._write(record)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._records[record.id] = record

    def save(self, record: AdaptationRecord) -> None:
        """Write a changed record."""
        if record.id in self._records:
            with self._database:
                self._write(record)

    def remove(self, record: AdaptationRecord) -> None:
        """Delete the files of an adaptation, then its record: on a full disk, the record may need their space."""
        shutil.rmtree(self.folder_of(record), ignore_errors=True)
        with self._database:
            self._database.execute("delete from adaptations where id = ?", (record.id,))
        self._records.pop(record.id, None)

    def forget_work(self, record: AdaptationRecord) -> None:
        """Delete everything but the photos."""
        for path in self.folder_of(record).iterdir():
            if path.name in (PHOTOS, SHARP):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def measured(self, record: AdaptationRecord) -> int:
        """Bytes of an adaptation's files as they are on the disk now."""
        total = 0
        for path in self.folder_of(record).rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                total += path.lstat().st_size
        return total

    def _write(self, record: AdaptationRecord) -> None:
        text = json.dumps(asdict(record))
        self._database.execute("update adaptations set record = ? where id = ?", (text, record.id))
