"""The work folder of an adaptation: results of finished stages and the time spent, from which a run continues."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from wildsr.adapt.errors import AdaptError
from wildsr.storage.atomic import write_text
from wildsr.storage.file_lock import held

_VERSION = 1
_NEEDED = 300_000_000
"""Bytes of disk below which a run is not begun: images, checkpoints and results take about this much."""


class WorkFolder:
    """A folder with one JSON file per finished stage."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self, identity: Mapping[str, str]) -> Iterator[None]:
        """Create or reopen the folder, and keep other processes out of it within the block.

        Raises:
            AdaptError: the folder belongs to another adaptation, is in use, or cannot be written.
        """
        with ExitStack() as stack:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(held(self.path / ".lock", wait=False))
            except BlockingIOError as error:
                raise AdaptError(
                    f"another process is working in {self.path}; wait for it, or write another model with -o"
                ) from error
            except OSError as error:
                raise AdaptError(f"{self.path} cannot be written: {error.strerror or error}") from error
            self._check_identity(identity)
            if (free := shutil.disk_usage(self.path).free) < _NEEDED:
                raise AdaptError(
                    f"the disk of {self.path} has {free / 1e6:.0f} MB left; about {_NEEDED / 1e6:.0f} MB are needed. "
                    "Make room, then repeat the command"
                )
            yield

    def load(self, stage: str) -> dict[str, Any] | None:
        """The content that :meth:`save` stored for a stage; None if it has not finished."""
        try:
            content = json.loads((self.path / f"{stage}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return None  # damaged: the stage is done again
        return content if isinstance(content, dict) else None

    def save(self, stage: str, content: Mapping[str, Any]) -> None:
        """Store what a stage found. Raises ``AdaptError`` if it cannot be written."""
        try:
            write_text(self.path / f"{stage}.json", json.dumps(dict(content), indent=1) + "\n")
        except OSError as error:
            raise AdaptError(
                f"{self.path / stage}.json cannot be written ({error.strerror or error}); make room on the disk, then "
                "repeat the command: it continues where it stopped"
            ) from error

    def _check_identity(self, identity: Mapping[str, str]) -> None:
        known = self.load("run")
        if known is None:
            self.save("run", {"version": _VERSION, "identity": dict(identity)})
            return
        there = known.get("identity")
        if known.get("version") != _VERSION or not isinstance(there, dict):
            raise AdaptError(f"{self.path} was made by another version of wildsr; remove it and start again")
        differing = [
            f"{key} was {there.get(key, 'not given')}, is {identity.get(key, 'not given')}"
            for key in (*identity, *(key for key in there if key not in identity))
            if there.get(key) != identity.get(key)
        ]
        if differing:
            raise AdaptError(
                f"{self.path} holds an adaptation that was started with other settings: {'; '.join(differing)}. Repeat "
                "that command to continue it, write another model with -o, or remove the folder"
            )


class Clock:
    """The time of an adaptation, counted over all its parts."""

    def __init__(self, work: WorkFolder, minutes: float) -> None:
        self._work = work
        self._began = time.monotonic()
        self._before = float((work.load("time") or {}).get("seconds", 0.0))
        self.budget = 60 * minutes

    @property
    def spent(self) -> float:
        """Seconds since the adaptation was begun, without pauses between its parts."""
        return self._before + time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds left of the budget; may be negative."""
        return self.budget - self.spent

    def save(self) -> None:
        """Store the time spent so far."""
        self._work.save("time", {"seconds": round(self.spent, 1)})
