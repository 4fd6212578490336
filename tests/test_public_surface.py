"""The declared surface changes only together with ``public_surface.txt``, so that a change shows in review."""

import difflib

from public_surface import FILE, surface


def test_surface_is_as_recorded() -> None:
    recorded, found = FILE.read_text(encoding="utf-8"), surface()
    changes = "\n".join(
        difflib.unified_diff(recorded.splitlines(), found.splitlines(), "recorded", "found", n=0)
    )
    assert found == recorded, f"run `python tests/public_surface.py` and review the change:\n{changes}"
