"""Loaders that misbehave, to test that this is detected."""

import os
import time
from pathlib import Path


def executes(_: Path) -> None:
    Path("canary").touch()


def crashes(_: Path) -> None:
    os.abort()


def hangs(_: Path) -> None:
    time.sleep(60)


def raises(_: Path) -> None:
    raise KeyError("whatever")


def fills_memory(_: Path) -> bytes:
    return bytes(1 << 29)


def wants_too_much(_: Path) -> bytes:
    return bytes(1 << 40)


def hides_that(_: Path) -> None:
    from wildsr.zoo.errors import ModelError

    try:
        bytes(1 << 40)
    except MemoryError as error:
        raise ModelError("damaged") from error


def is_fine(_: Path) -> None: ...
