"""Finds input images, names their outputs, and refuses conflicts before any work is done. Imports no torch."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Literal

from wildsr.errors import UsageError
from wildsr.image.formats import READABLE_SUFFIXES, default_suffix, format_of_suffix, output_format
from wildsr.storage.walk import files_below

Existing = Literal["fail", "overwrite", "skip"]
FIELDS = ("folder", "stem", "suffix", "ending", "model", "scale")


class JobsError(UsageError):
    """The given inputs and outputs cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Job:
    """One image to read and one to write. ``name`` is its path within the input folder, or its file name."""

    source: Path
    target: Path
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class InputProblem:
    """An input that cannot become a job, and the reason. The other inputs are used."""

    source: Path
    reason: str


@dataclass(frozen=True)
class Naming:
    """Rules for the names of outputs.

    ``output`` is a file, a folder, or a pattern with fields in braces: {folder} (the place within the input folder),
    {stem}, {suffix} (with its dot), {ending} (the input's suffix without one), {model}, {scale}. None: beside the
    input, with ``label`` added to its name. ``format`` forces a file format. ``label`` is the value of {scale}, such as
    ``x4``. ``suffix`` is the suffix of outputs where neither ``output`` nor ``format`` gives one; None: the input's.
    """

    output: str | None = None
    format: str | None = None
    model: str = "default"
    label: str = "x4"
    suffix: str | None = None


@dataclass(frozen=True)
class _Found:
    path: Path
    root: Path | None  # the input folder it was found in; None for a file named by itself

    @property
    def name(self) -> str:
        return self.path.relative_to(self.root).as_posix() if self.root is not None else self.path.name


def find_jobs(inputs: list[str], naming: Naming) -> tuple[list[Job], list[InputProblem]]:
    """Turn files, folders (searched recursively) and glob patterns into jobs.

    Raises :class:`JobsError` where two images would be written to one file, an output would replace its own source,
    or nothing was found at all.
    """
    if "\0" in (naming.output or ""):
        raise JobsError("the name of the output holds a NUL character, which no file name can")
    problems: list[InputProblem] = []
    found: dict[Path, _Found] = {}
    for given in inputs:
        for one in _expand(given, naming, problems):
            found.setdefault(_real(one.path), one)
    single = len(found) == 1 and len(inputs) == 1 and all(one.root is None for one in found.values())
    jobs = [Job(one.path, _target(one, naming, single), one.name) for one in found.values()]
    _refuse_conflicts(jobs)
    if naming.format is not None:
        _refuse_another_format(jobs, naming.format)
    if not jobs and not problems:
        raise JobsError(f"no images found in {', '.join(inputs)}")
    return jobs, problems


def existing_outputs(jobs: list[Job], existing: Existing) -> tuple[list[Job], list[Job]]:
    """Split into jobs to do and jobs whose output exists and is not to be replaced."""
    if existing == "overwrite":
        return jobs, []
    there = {job: _exists(job.target) for job in jobs}
    return [job for job in jobs if not there[job]], [job for job in jobs if there[job]]


def _expand(given: str, naming: Naming, problems: list[InputProblem]) -> Iterator[_Found]:
    path = _expanded(given)
    if "\0" in given:
        problems.append(InputProblem(path, "no file name holds a NUL character"))
    elif _is_folder(path):
        yield from _search(path, naming, problems)
    elif os.path.lexists(path):  # False for a name too long for the file system
        yield _Found(path, None)
    elif glob.has_magic(given):
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        files = [match for match in matches if match.is_file()]
        if not files:
            problems.append(InputProblem(path, "no file matches this pattern"))
        yield from (_Found(match, None) for match in files)
    else:
        problems.append(InputProblem(path, "there is no such file or folder"))


def _search(root: Path, naming: Naming, problems: list[InputProblem]) -> Iterator[_Found]:
    """Images under ``root`` by suffix, in the order of their names; without hidden files and our own output."""
    before = len(problems)
    count = 0
    for path in files_below(
        root,
        READABLE_SUFFIXES,
        excluded=_output_folder(naming),
        on_error=lambda error: problems.append(_unreadable(error, root)),
    ):
        count += 1
        yield _Found(path, root)
    if not count and len(problems) == before:
        problems.append(InputProblem(root, "there is no image in this folder"))


def _expanded(given: str) -> Path:
    """The path with a leading ``~`` replaced; ``~name`` of an unknown user is a file name."""
    return Path(os.path.expanduser(given))  # noqa: PTH111 - Path.expanduser raises for unknown users


def _real(path: Path) -> Path:
    """The path without symbolic links; Path.resolve raises for a link to itself."""
    return Path(os.path.realpath(path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the file system
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the file system: writing it will fail, with the reason
        return False


def _unreadable(error: OSError, root: Path) -> InputProblem:
    return InputProblem(Path(error.filename or root), f"the folder cannot be read: {error.strerror}")


def _output_folder(naming: Naming) -> Path | None:
    if naming.output is None or "{" in naming.output:
        return None
    return _real(_expanded(naming.output))


def _target(found: _Found, naming: Naming, single: bool) -> Path:
    if naming.format is not None:
        suffix = output_format("", naming.format).suffixes[0]
    else:
        suffix = naming.suffix or default_suffix(found.path)
    within = found.path.parent.relative_to(found.root) if found.root is not None else Path()
    if naming.output is None:
        if found.root is None:
            return found.path.with_name(f"{found.path.stem}_{naming.label}{suffix}")
        root = _real(found.root)
        return root.with_name(f"{root.name}_{naming.label}") / within / f"{found.path.stem}{suffix}"
    output = _expanded(naming.output)
    if "{" in naming.output:
        return _fill(naming, found.path, suffix, within)
    if not single or naming.output.endswith(("/", os.sep)) or _is_folder(output):
        if _is_file(output) or (not _is_folder(output) and _named_like_a_file(naming.output)):
            raise JobsError(f"{output} names a file, but several images were given; name a folder with -o")
        return output / within / f"{found.path.stem}{suffix}"
    return output


def _named_like_a_file(output: str) -> bool:
    return not output.endswith(("/", os.sep)) and format_of_suffix(output) is not None


def _fill(naming: Naming, source: Path, suffix: str, within: Path) -> Path:
    assert naming.output is not None
    values = {
        "folder": str(within),
        "stem": source.stem if source.stem.strip(".") else source.name,  # never "..", which is a folder
        "suffix": suffix,
        "ending": source.suffix.removeprefix("."),
        "model": naming.model,
        "scale": naming.label,
    }
    try:
        unknown = {field for _, field, _, _ in Formatter().parse(naming.output) if field is not None} - set(
            FIELDS
        )
        filled = naming.output.format(**values) if not unknown else ""
    except (ValueError, IndexError) as error:
        raise JobsError(f"the output pattern '{naming.output}' is not valid: {error}") from error
    if unknown:
        names = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise JobsError(f"the output pattern '{naming.output}' has an unknown field; there are {names}")
    return _expanded(filled)


def _refuse_another_format(jobs: list[Job], name: str) -> None:
    wanted = output_format("", name)
    for job in jobs:
        said = format_of_suffix(job.target)
        if said is not None and said is not wanted:
            raise JobsError(
                f"{job.target} ends like a {said.label} file, but --format {name} asks for {wanted.label}; change one "
                "of them"
            )


def _refuse_conflicts(jobs: list[Job]) -> None:
    writers: dict[Path, Path] = {}
    for job in jobs:
        target = _real(job.target)
        if target == _real(job.source):
            raise JobsError(
                f"{job.source} would be replaced by its own output; give another file or folder with -o"
            )
        if target in writers:
            raise JobsError(
                f"{writers[target]} and {job.source} would both be written to {job.target}; "
                "use a pattern with {folder}, {stem} and {ending}, or take them one by one"
            )
        writers[target] = job.source
    for job in jobs:
        if _real(job.source) in writers:
            raise JobsError(
                f"{job.source} is an input and also the output for {writers[_real(job.source)]}; "
                "give another output with -o"
            )
