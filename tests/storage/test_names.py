"""Names from files stay within their folder."""

from pathlib import Path

import pytest

from wildsr.storage.names import inside


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "a/../../b",
        "/etc/passwd",
        "//host/share",
        "C:/a",
        "C:a",
        "a\\..\\..\\b",
        "\\a",
        "a\0b",
    ],
)
def test_refused(name: str) -> None:
    with pytest.raises(ValueError, match="within a folder"):
        inside(Path("folder"), name)


@pytest.mark.parametrize("name", ["a", "a/b.png", "...png", "a/.hidden", "a b", "~foo.png", "ä/\u4e00"])
def test_joined(name: str) -> None:
    assert inside(Path("folder"), name).as_posix() == f"folder/{name}"
