"""The programs that models can be exported for, and the export to one of them."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wildsr.errors import UsageError
from wildsr.export import browser, chainner, openmodeldb, upscayl
from wildsr.export.request import Exported, Request
from wildsr.networks.protocols import WholeImageNetwork
from wildsr.storage.folders import adding_to
from wildsr.zoo.blend import blend
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load
from wildsr.zoo.model import Model


@dataclass(frozen=True)
class Program:
    """A program that runs exported models.

    Attributes:
        title: its display name.
        write: writes the files of a request into an empty folder, and checks them.
        architectures: the names of the architectures that it can run.
        folder: the folder that is written for the one that was asked for.
    """

    title: str
    write: Callable[[Request, Path], None]
    architectures: Callable[[], list[str]]
    folder: Callable[[Path], Path] = lambda folder: folder


TARGETS: dict[str, Program] = {
    "upscayl": Program("Upscayl", upscayl.write, upscayl.architectures, upscayl.folder_for),
    "chainner": Program("chaiNNer", chainner.write_chainner, chainner.architectures),
    "comfyui": Program("ComfyUI", chainner.write_comfyui, chainner.comfyui_architectures),
    "openmodeldb": Program("OpenModelDB", openmodeldb.write, openmodeldb.architectures),
    "browser": Program("browsers", browser.write, browser.architectures),
}
"""All targets by the name that the command takes."""


def export(
    source: str | os.PathLike[str],
    target: str,
    folder: Path,
    *,
    overwrite: bool = False,
    toward: str | os.PathLike[str] | None = None,
    strength: float = 1,
    images: tuple[Path, ...] = (),
    report: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write the model ``source``, a name or a file, for the program ``target`` into ``folder``, and check it.

    All files are written or none, and only when every check has passed. With ``toward``, the blend of both models
    is exported, as by :func:`wildsr.zoo.convert.convert`. ``report`` gets a line for each check as it is done.

    Raises:
        UsageError: there is no such target, or files of that name exist and are not to be overwritten.
        ModelError: the model cannot be read or exported for this program, or a check fails.
    """
    if target not in TARGETS:
        raise UsageError(f"there is no target '{target}'; there are {', '.join(TARGETS)}")
    chosen = TARGETS[target]
    _, path, _ = find(source)
    model = load(source)
    if toward is not None:
        model = blend(load(toward), model, strength)
    elif strength != 1:
        raise UsageError(f"a strength of {strength:g} needs another model: name it with --toward")
    _require_possible(model, chosen)
    if images and target != "openmodeldb":
        raise UsageError(f"example images belong to openmodeldb; {chosen.title} takes none")
    lines: list[str] = []

    def checked(line: str) -> None:
        lines.append(line)
        report(line)

    request = Request(model, _plain_name(model.contract.name), path, images, checked)
    folder = chosen.folder(folder)
    try:
        with adding_to(folder, overwrite=overwrite) as temporary:
            chosen.write(request, temporary)
            names = sorted(each.relative_to(temporary) for each in temporary.rglob("*") if each.is_file())
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise UsageError(f"{error.filename} exists already; use --overwrite to replace it") from error
        raise ModelError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}"
        ) from error
    return Exported(folder, tuple(folder / name for name in names), tuple(lines))


def _require_possible(model: Model, target: Program) -> None:
    contract = model.contract
    if isinstance(model.network, WholeImageNetwork):
        raise ModelError(
            f"{contract.name} is {contract.architecture}, which uses statistics of the whole image; other programs "
            "would give every tile its own, with seams between them: use it with wildsr"
        )
    possible = target.architectures()
    if contract.architecture not in possible:
        others = [name for name, each in TARGETS.items() if contract.architecture in each.architectures()]
        advice = f"; --for {' or '.join(others)} can take it" if others else ""
        raise ModelError(
            f"{contract.name} is {contract.architecture}, which cannot be exported for {target.title}; possible are "
            f"{', '.join(possible)}{advice}"
        )


def _plain_name(name: str) -> str:
    """A name of letters, digits, dots, dashes and underscores, which every program can take."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in name
    )
    return plain.strip(".-") or "model"
