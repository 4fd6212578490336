"""The metadata with which model files describe themselves. Imports no torch.

wildsr writes it into the header of its ``.safetensors`` files and into the metadata of ONNX files; every value is text.
The network follows from the weights alone; a scale in the header that they contradict is an error.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FORMAT = "wildsr 1"
"""The value of the key ``format`` in files that wildsr writes."""
_LONGEST = 1 << 24
_LONGEST_TEXT = 1000
_KEYS = (
    "architecture",
    "scale",
    "licence",
    "source",
    "source_file",
    "source_sha256",
    "good_at",
    "trained_on",
)


@dataclass(frozen=True)
class Header:
    """The description of a model in its file; None or "" for facts that are not stated.

    Attributes:
        architecture: a key of :data:`wildsr.zoo.architectures.ARCHITECTURES`.
        sizes: the arguments with which the network is built.
        scale: HR pixels per LR pixel.
        value_range: the network works in [0, value_range].
        licence: SPDX name.
        source: where the weights come from.
        source_file: name of the file that was converted.
        source_sha256: SHA-256 of that file.
        good_at: the images that the model is for.
        trained_on: metrics of `wildsr evaluate` that served as a loss in training.
    """

    architecture: str = ""
    sizes: Mapping[str, int] | None = None
    scale: int | None = None
    value_range: float | None = None
    licence: str = ""
    source: str = ""
    source_file: str = ""
    source_sha256: str = ""
    good_at: str = ""
    trained_on: tuple[str, ...] = ()

    @classmethod
    def parse(cls, metadata: Mapping[str, str]) -> "Header":
        """The header from a file's metadata; without ``sizes`` and ``value_range``, which are not used.

        Files are not trusted: texts are cut off after 1,000 characters, and a scale above 99 is ignored.
        """
        facts = {key: metadata.get(key, "")[:_LONGEST_TEXT] for key in _KEYS}
        scale = facts["scale"]
        names = (name.strip() for name in facts["trained_on"].split(","))
        return cls(
            architecture=facts["architecture"],
            scale=int(scale) if scale.isascii() and scale.isdecimal() and len(scale) < 3 else None,
            licence=facts["licence"],
            source=facts["source"],
            source_file=facts["source_file"],
            source_sha256=facts["source_sha256"],
            good_at=facts["good_at"],
            trained_on=tuple(name for name in names if name),
        )

    def metadata(self) -> dict[str, str]:
        """The stated facts as text by key."""
        facts = {
            "architecture": self.architecture,
            "sizes": "" if self.sizes is None else json.dumps(dict(self.sizes)),
            "scale": "" if self.scale is None else f"{self.scale}",
            "value_range": "" if self.value_range is None else f"{self.value_range:g}",
            "licence": self.licence,
            "source": self.source,
            "source_file": self.source_file,
            "source_sha256": self.source_sha256,
            "good_at": self.good_at,
            "trained_on": ", ".join(self.trained_on),
        }
        return {key: value for key, value in facts.items() if value}


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file without its tensors; empty when there is none or the file is damaged."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            metadata = json.loads(file.read(min(length, _LONGEST))).get("__metadata__", {})
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}
