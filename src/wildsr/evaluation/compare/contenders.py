"""The contenders of a comparison: models, which are run, or folders of existing results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wildsr.evaluation.candidates import (
    BICUBIC,
    Candidate,
    LoadedCandidate,
    find_candidate,
    scale_of,
    with_distinct_names,
)
from wildsr.evaluation.evaluate import RunOptions
from wildsr.evaluation.pairing import images_in, name_of, names_in, pair_folders
from wildsr.image import ImageError
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.inference.errors import UpscaleError
from wildsr.zoo.catalogue.entries import ALIASES, EMBEDDED
from wildsr.zoo.catalogue.published import PUBLISHED

OnStep = Callable[[str, int, int], None]
"""Called with (what is being done, how many are done, how many there are)."""


@dataclass(frozen=True)
class Contender:
    """A side of the comparison: a folder of results, or the model (None: bicubic) of a :class:`Candidate`."""

    name: str
    source: Path | Candidate


@dataclass(frozen=True)
class Subject:
    """One image: its input, where known, and the result of every contender, or None where there is none."""

    name: str
    lr: Path | None
    results: tuple[Path | None, ...]


@dataclass(frozen=True)
class Collected:
    """The images to compare, and a sentence about everything that was left out."""

    subjects: tuple[Subject, ...]
    notes: tuple[str, ...]


def split_arguments(given: Sequence[str], inputs: Path | None) -> tuple[list[str], Path | None]:
    """The contenders and the inputs among the arguments ``A B [C ...] INPUTS``.

    Without ``inputs``, the last of more than two arguments is the inputs if it is a folder or an image file; with
    ``NAME=`` before it, it is a contender.

    Raises:
        ValueError: fewer than two contenders.
    """
    contenders = list(given)
    if inputs is None and len(contenders) > 2:
        last = Path(contenders[-1]).expanduser()
        if not is_known_model(contenders[-1]) and (
            last.is_dir() or (last.is_file() and last.suffix.lower() in READABLE_SUFFIXES)
        ):
            inputs = last
            contenders.pop()
    if len(contenders) < 2:
        raise ValueError("give at least two models or folders of results to compare")
    return contenders, inputs


def is_known_model(given: str) -> bool:
    """Whether a text is the name of a model that wildsr knows, whatever folders there are."""
    return given == BICUBIC or given in ALIASES or given in EMBEDDED or given in PUBLISHED


def open_contenders(given: Sequence[str]) -> list[Contender]:
    """The contenders of texts: ``FOLDER``, a model's name or file, ``bicubic``, or ``NAME=`` before one of these.

    Raises:
        ModelError: a text is neither a folder nor a model.
        ValueError: two contenders have the same name.
    """
    found: list[Contender] = []
    candidates: list[Candidate] = []
    for text in given:
        name, equals, rest = text.partition("=")
        if not equals or "/" in name or "\\" in name:
            name, rest = "", text
        folder = Path(rest).expanduser()
        if folder.is_dir() and not is_known_model(rest):
            found.append(Contender(name or folder.resolve().name, folder))
        else:
            candidates.append(find_candidate(text))
            found.append(Contender("", candidates[-1]))
    renamed = iter(with_distinct_names(candidates))
    found = [
        one if isinstance(one.source, Path) else Contender((candidate := next(renamed)).name, candidate)
        for one in found
    ]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two contenders are called '{name}'; give one another name: OTHER={name}")
    return found


def collect(
    contenders: Sequence[Contender],
    inputs: Path | None,
    run: RunOptions,
    *,
    suffix: str = "",
    on_step: OnStep | None = None,
) -> Collected:
    """The results of all contenders by image: models are run on ``inputs``, files of folders are paired by name.

    Results of models are kept in the cache of ``run``, like those of ``wildsr evaluate``.

    Args:
        contenders: see :func:`open_contenders`.
        inputs: a folder of images or one image file; None is enough for folders of results.
        run: how models are run.
        suffix: what was added to the names of the files in folders of results.
        on_step: progress.

    Raises:
        PairingError: a folder is missing or empty, or nothing belongs together.
        ModelError: a model cannot be loaded, or models are of different scales.
        ValueError: models without inputs.
    """
    models = [one.source for one in contenders if isinstance(one.source, Candidate)]
    if models and inputs is None:
        raise ValueError(
            f"the model {models[0].name} needs images to run on: name their folder last, or with --inputs"
        )
    notes: list[str] = []
    if inputs is None:
        first = next(one.source for one in contenders if isinstance(one.source, Path))
        names: dict[str, Path | None] = dict.fromkeys(names_in(first, suffix).values())
    elif inputs.is_file():
        names = {inputs.stem: inputs}
    else:
        names = {name: path for path, name in names_in(inputs).items()}
    columns: list[dict[str, Path]] = []
    scale = scale_of(models) if models else 1
    for one in contenders:
        if isinstance(one.source, Candidate):
            lrs = {name: path for name, path in names.items() if path is not None}
            columns.append(_upscaled(one.source, lrs, scale, run, notes, on_step))
        else:
            columns.append(_found(one, inputs, contenders, names, suffix, notes))
    subjects = [
        Subject(name, lr, tuple(column.get(name) for column in columns)) for name, lr in names.items()
    ]
    return Collected(tuple(subjects), tuple(notes))


def _upscaled(
    candidate: Candidate,
    inputs: dict[str, Path],
    scale: int,
    run: RunOptions,
    notes: list[str],
    on_step: OnStep | None,
) -> dict[str, Path]:
    method = LoadedCandidate(candidate, scale, run.inference)
    found = {}
    for done, (name, lr) in enumerate(inputs.items(), start=1):
        try:
            found[name] = method.upscale_file(lr, run.cache / "sr", run.fresh).path
        except (ImageError, UpscaleError) as error:
            notes.append(f"{candidate.name} has no result for {name}: {error}")
        if on_step is not None:
            on_step(f"upscaling by {candidate.name}", done, len(inputs))
    return found


def _found(
    contender: Contender,
    inputs: Path | None,
    contenders: Sequence[Contender],
    names: dict[str, Path | None],
    suffix: str,
    notes: list[str],
) -> dict[str, Path]:
    """The files of a folder of results by the name of the image they belong to."""
    folder = contender.source
    assert isinstance(folder, Path)
    if inputs is not None and inputs.is_file():
        stem = inputs.stem
        found = [path for path in images_in(folder) if name_of(path, folder).removesuffix(suffix) == stem]
        if not found:
            notes.append(f"{contender.name} has no result for {stem}")
            return {}
        return {stem: found[0]}
    reference, added = inputs, ""
    if reference is None:
        reference, added = next(one.source for one in contenders if isinstance(one.source, Path)), suffix
        if folder == reference:
            return {name: path for path, name in names_in(folder, suffix).items()}
    names_of_reference = names_in(reference, added)
    pairing = pair_folders(folder, reference, suffix, second_suffix=added)
    notes += [f"{contender.name}: {path} belongs to no image that is compared" for path in pairing.only_first]
    notes += [f"{contender.name}: {sentence}" for sentence in pairing.ambiguous]
    found_names = {names_of_reference[pair.second]: pair.first for pair in pairing.pairs}
    missing = [name for name in names if name not in found_names]
    notes += [f"{contender.name} has no result for {name}" for name in missing]
    return found_names
