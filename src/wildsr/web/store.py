"""Records on the disk: a table of a SQLite file for each kind, and a folder of files for each record."""

import contextlib
import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Generic, TypeVar

from wildsr.errors import UsageError
from wildsr.web.jobs import JobRecord, StoredRecord
from wildsr.web.problems import Problem

_Record = TypeVar("_Record", bound=StoredRecord)


class StoreError(UsageError):
    """The folder cannot be used; the message says why and what to do."""


class Records(Generic[_Record]):
    """Records of one kind, in memory and in a table of the database, and a folder of files for each.

    A record is on the disk before the call that changes it returns, so that a crash loses none that was accepted.
    ``folder`` exists and holds the folders of files; the table has its name.
    """

    def __init__(self, kind: type[_Record], database: sqlite3.Connection, folder: Path) -> None:
        self.database, self._files, self._table = database, folder, folder.name
        self._keys_in_use: set[tuple[str, str]] = set()
        with database:
            database.execute(
                f"create table if not exists {self._table} "
                "(number integer primary key autoincrement, id text unique not null, record text not null)"
            )
        rows = database.execute(f"select record from {self._table} order by number").fetchall()
        self._records = {one.id: one for one in (kind(**json.loads(row[0])) for row in rows)}
        for left in folder.iterdir():  # by a crash
            if left.name not in self._records:
                shutil.rmtree(left, ignore_errors=True)

    def __iter__(self) -> Iterator[_Record]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def get(self, record_id: str) -> _Record | None:
        """The record of an id."""
        return self._records.get(record_id)

    def with_key(self, client: str, key: str | None, digest: str | None = None) -> _Record | None:
        """The record that a client made with an Idempotency-Key.

        Raises:
            Problem: 422 if that was a request with another ``digest``.
        """
        found = next(
            (one for one in self if key is not None and (one.client, one.key) == (client, key)), None
        )
        if found is not None and digest not in (None, found.digest):
            raise Problem(422, "key-reused", "This Idempotency-Key belongs to a request with other contents.")
        return found

    @contextlib.contextmanager
    def using_key(self, client: str, key: str | None) -> Iterator[None]:
        """Receive a request with an Idempotency-Key. Raises a 409 Problem while another one has the same."""
        if key is None:
            yield
            return
        if (client, key) in self._keys_in_use:
            raise Problem(
                409, "key-in-use", "A request with this Idempotency-Key is being received.", retry_after=1
            )
        self._keys_in_use.add((client, key))
        try:
            yield
        finally:
            self._keys_in_use.discard((client, key))

    def folder_of(self, record: _Record) -> Path:
        """The folder of a record's files."""
        return self._files / record.id

    def disk(self) -> int:
        """Bytes of all files, as far as they were measured."""
        return sum(record.disk for record in self)

    @contextlib.contextmanager
    def adding(self, record: _Record) -> Iterator[Path]:
        """Add a record after the block, which makes its folder; ``number`` is set here."""
        folder = self.folder_of(record)
        try:
            yield folder
            with self.database:
                cursor = self.database.execute(
                    f"insert into {self._table} (id, record) values (?, '')", (record.id,)
                )
                record.number = cursor.lastrowid or 0
                self._write(record)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._records[record.id] = record

    def save(self, record: _Record) -> None:
        """Write a changed record."""
        if record.id in self._records:
            with self.database:
                self._write(record)

    def remove(self, record: _Record) -> None:
        """Remove a record and delete its files, also on a full disk, where the database may need their space."""
        try:
            with self.database:
                self.database.execute(f"delete from {self._table} where id = ?", (record.id,))
        finally:
            shutil.rmtree(self.folder_of(record), ignore_errors=True)
        self._records.pop(record.id, None)

    def measured(self, record: _Record) -> int:
        """Bytes of a record's files as they are on the disk now."""
        total = 0
        for path in self.folder_of(record).rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # the inspector renames what it has written
                total += path.lstat().st_size
        return total

    def _write(self, record: _Record) -> None:
        text = json.dumps(asdict(record))
        self.database.execute(f"update {self._table} set record = ? where id = ?", (text, record.id))


class JobStore(Records[JobRecord]):
    """All jobs, and the folder of the service.

    The folder and everything in it is readable by its owner only; while the store is open, no other process can open
    it.

    Raises:
        StoreError: the folder cannot be made or is in use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads = folder / "uploads"
        try:
            for made in (folder, self.uploads, folder / "jobs"):
                made.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StoreError(f"The folder {folder} cannot be made or used ({error.strerror}).") from error
        super().__init__(JobRecord, _opened(folder), folder / "jobs")
        for path in self.uploads.iterdir():
            path.unlink(missing_ok=True)
        for job in self:
            if not self.source_of(job).is_file():
                self.remove(job)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def source_of(self, job: JobRecord) -> Path:
        """The source image of a job."""
        return self.folder_of(job) / job.source_file

    def result_of(self, job: JobRecord) -> Path:
        """Where the result of a job lies."""
        assert job.result is not None
        return self.folder_of(job) / str(job.result["file"])

    def new_upload(self) -> Path:
        """A name for a file that is being received."""
        return self.uploads / secrets.token_hex(16)

    def add(self, job: JobRecord, source: Path, *, copy: bool = False) -> None:
        """Add a job with its source file, which is moved, or linked if ``copy``."""
        with self.adding(job) as folder:
            folder.mkdir(mode=0o700)
            target = folder / job.source_file
            _linked(source, target) if copy else source.replace(target)
            _sync(target)

    def keep_only_source(self, job: JobRecord) -> None:
        """Delete everything of a job but its source and thumbnail, before it is worked on (again)."""
        for path in self.folder_of(job).iterdir():
            # Also the thumbnail that the inspector may be writing at this moment.
            if path.name not in (job.source_file, "thumbnail.webp", ".thumbnail.webp.part.webp"):
                path.unlink(missing_ok=True)


def _opened(folder: Path) -> sqlite3.Connection:
    path = folder / "jobs.sqlite"
    try:
        database = sqlite3.connect(path, timeout=1.0)
        path.chmod(0o600)
        # The exclusive lock is the system's: it ends with the process, however that ends.
        database.execute("pragma locking_mode = exclusive")
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        with database:
            database.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StoreError(
                f"Another `wildsr web` uses the folder {folder}. Use that one, or give this one a folder of its own "
                "with --folder."
            ) from error
        raise StoreError(f"The job list {path} cannot be opened ({error}).") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"The job list {path} is damaged ({error}). Move it away to start anew.") from error
    return database


def _linked(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
