"""What wildsr makes of a model file of any format."""

from pathlib import Path

from wildsr.zoo.load import load, load_network


def load_any(path: Path) -> object:
    """A Model; or a network, since a Keras file may also hold one that only training needs."""
    return load_network(path) if path.suffix == ".h5" else load(path)
