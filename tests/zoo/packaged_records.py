"""Records of the embedded models; ``python tests/zoo/packaged_records.py`` rewrites the file of the package."""

import json
import os
import tempfile
from dataclasses import asdict
from unittest.mock import patch

from wildsr.zoo import records
from wildsr.zoo.catalogue import EMBEDDED
from wildsr.zoo.load import load


def made() -> str:
    """The content of the file, from the weights."""
    found = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, WILDSR_CACHE=folder),
        patch.object(records, "_packaged", dict),
    ):
        for name in EMBEDDED:
            digest = load(name).contract.sha256
            assert digest is not None
            record = records.recall(digest)
            assert record is not None
            found[digest] = asdict(record)
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    records.PACKAGED.write_text(made(), encoding="utf-8")
