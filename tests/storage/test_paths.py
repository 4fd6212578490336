"""Untrusted names stay within their folder."""

import os
from pathlib import Path

import pytest

from wildsr.storage.paths import join_untrusted, relative_path


@pytest.mark.parametrize(
    "name", ["", ".", "/etc/passwd", "../a", "a/../../b", "..\\a", "C:\\a", "C:a", "a\0b", "\\\\host\\a"]
)
def test_names_outside_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a path within a folder"):
        relative_path(name)
    with pytest.raises(ValueError, match="not a path within a folder"):
        join_untrusted(tmp_path, name)


def test_names_inside(tmp_path: Path) -> None:
    assert relative_path("a\\b/c.png").as_posix() == "a/b/c.png"
    assert join_untrusted(tmp_path, "./a/b.png") == tmp_path.resolve() / "a" / "b.png"


@pytest.mark.skipif(os.name != "posix", reason="creating links needs a right elsewhere")
def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="leads out of"):
        join_untrusted(tmp_path / "in", "out/secret.txt")
