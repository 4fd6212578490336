"""Folders of caches. Loads no torch."""

import os
from pathlib import Path

import platformdirs


def cache_folder(kind: str) -> Path:
    """The folder ``kind`` within ``WILDSR_CACHE``, or within the platform's cache folder; it may not exist yet."""
    return Path(os.environ.get("WILDSR_CACHE") or platformdirs.user_cache_path("wildsr")) / kind
