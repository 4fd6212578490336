"""Jobs on the disk: a SQLite file of records, and a folder of files for each job."""

import contextlib
import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from wildsr.errors import UsageError
from wildsr.web.jobs import JobRecord

_SCHEMA = """
create table if not exists jobs (
    number integer primary key autoincrement, id text unique not null, record text not null
)
"""


class StoreError(UsageError):
    """The folder cannot be used; the message says why and what to do."""


class JobStore:
    """All jobs, in memory and on the disk.

    A record is on the disk before the call that changes it returns, so that a crash loses no accepted job. The folder
    and everything in it is readable by its owner only; while the store is open, no other process can open it.

    Raises:
        StoreError: the folder cannot be made or is in use.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads = folder / "uploads"
        self._files = folder / "jobs"
        try:
            for made in (folder, self.uploads, self._files):
                made.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StoreError(f"The folder {folder} cannot be made or used ({error.strerror}).") from error
        self.database = _opened(folder)
        rows = self.database.execute("select record from jobs order by number").fetchall()
        self._jobs = {job.id: job for job in (JobRecord(**json.loads(row[0])) for row in rows)}
        self._keys = {(job.client, job.key): job.id for job in self._jobs.values() if job.key}
        self._clean()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __iter__(self) -> Iterator[JobRecord]:
        return iter(list(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, job_id: str) -> JobRecord | None:
        """The job of an id."""
        return self._jobs.get(job_id)

    def with_key(self, client: str, key: str) -> JobRecord | None:
        """The job that a client made with an Idempotency-Key."""
        return self._jobs.get(self._keys.get((client, key), ""))

    def folder_of(self, job: JobRecord) -> Path:
        """The folder of a job's files."""
        return self._files / job.id

    def source_of(self, job: JobRecord) -> Path:
        """The source image of a job."""
        return self.folder_of(job) / job.source_file

    def result_of(self, job: JobRecord) -> Path:
        """Where the result of a job lies."""
        assert job.result is not None
        return self.folder_of(job) / str(job.result["file"])

    def disk(self) -> int:
        """Bytes of all images and results."""
        return sum(job.disk for job in self._jobs.values())

    def new_upload(self) -> Path:
        """A name for a file that is being received."""
        return self.uploads / secrets.token_hex(16)

    def add(self, job: JobRecord, source: Path, *, copy: bool = False) -> None:
        """Add a job with its source file, which is moved, or linked if ``copy``; ``number`` is set here."""
        folder = self._files / job.id
        folder.mkdir(mode=0o700)
        try:
            target = folder / job.source_file
            _linked(source, target) if copy else source.replace(target)
            _sync(target)
            with self.database:
                cursor = self.database.execute("insert into jobs (id, record) values (?, '')", (job.id,))
                job.number = cursor.lastrowid or 0
                self._write(job)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._jobs[job.id] = job
        if job.key:
            self._keys[job.client, job.key] = job.id

    def save(self, job: JobRecord) -> None:
        """Write a changed record."""
        if job.id in self._jobs:
            with self.database:
                self._write(job)

    def remove(self, job: JobRecord) -> None:
        """Delete the files of a job, then its record: on a full disk, the record may need their space."""
        shutil.rmtree(self.folder_of(job), ignore_errors=True)
        with self.database:
            self.database.execute("delete from jobs where id = ?", (job.id,))
        self._jobs.pop(job.id, None)
        if job.key:
            self._keys.pop((job.client, job.key), None)

    def measured(self, job: JobRecord) -> int:
        """Bytes of a job's files as they are on disk now."""
        total = 0
        for path in self.folder_of(job).iterdir():
            with contextlib.suppress(FileNotFoundError):  # the inspector renames what it has written
                total += path.stat().st_size
        return total

    def keep_only_source(self, job: JobRecord) -> None:
        """Delete everything of a job but its source and thumbnail, before it is worked on (again)."""
        for path in self.folder_of(job).iterdir():
            # Also the thumbnail that the inspector may be writing at this moment.
            if path.name not in (job.source_file, "thumbnail.webp", ".thumbnail.webp.part.webp"):
                path.unlink(missing_ok=True)

    def _write(self, job: JobRecord) -> None:
        record = json.dumps(asdict(job))
        self.database.execute("update jobs set record = ? where id = ?", (record, job.id))

    def _clean(self) -> None:
        """Remove what a crash may have left behind."""
        for path in self.uploads.iterdir():
            path.unlink(missing_ok=True)
        for folder in self._files.iterdir():
            if folder.name not in self._jobs:
                shutil.rmtree(folder, ignore_errors=True)
        for job in self:
            if not self.source_of(job).is_file():
                self.remove(job)


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
            database.execute(_SCHEMA)
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
