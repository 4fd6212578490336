"""``wildsr --licenses``: the licences of everything that is installed with wildsr."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from wildsr.cli.console import safe


def licence_lines() -> Iterator[str]:
    """One line for wildsr, for each model that it brings and for each installed package that it depends on.

    Each has a name, a version and a licence, separated by tabs; an SPDX expression where the package states one.
    """
    from wildsr.zoo.catalogue import EMBEDDED

    yield _line(distribution("wildsr"))
    for model in EMBEDDED.values():
        yield f"model {model.name}\t\t{model.licence}"
    for found in sorted(_dependencies("wildsr").values(), key=lambda one: one.name.lower()):
        yield _line(found)


def _dependencies(root: str) -> dict[str, Distribution]:
    """All installed packages that ``root`` needs, directly, through others or by an extra, by their plain names."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        for requirement in distribution(waiting.pop()).requires or ():
            name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
            key = re.sub(r"[-_.]+", "-", name).lower()
            if key in found or key == root:
                continue
            try:
                found[key] = distribution(name)
            except PackageNotFoundError:  # of an extra or a platform that is not this one
                continue
            waiting.append(name)
    return found


def _line(package: Distribution) -> str:
    return safe(f"{package.name}\t{package.version}\t{_licence(package)}")


def _licence(package: Distribution) -> str:
    facts = {
        key: package.metadata.get_all(key) or [] for key in ("License-Expression", "Classifier", "License")
    }
    if facts["License-Expression"]:
        return str(facts["License-Expression"][0])
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in facts["Classifier"]
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    text = "".join(facts["License"]).strip().splitlines()
    return " AND ".join(classifiers) or (text[0][:80] if text else "see its files")
