"""Finds input images, names their outputs, and refuses conflicts before any work is done. Imports no torch."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Literal

from wildsr.errors import UsageError
from wildsr.image.formats import READABLE_SUFFIXES, default_suffix, format_of_suffix, output_format
from wildsr.storage.locations import (
    Location,
    exists,
    files_below,
    is_folder,
    is_regular_file,
    is_remote,
    locate,
    name_within,
    real,
)

Existing = Literal["fail", "overwrite", "skip"]
FIELDS = ("folder", "stem", "suffix", "ending", "model", "scale")


class JobsError(UsageError):
    """The given inputs and outputs cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Job:
    """One image to read and one to write.

    Attributes:
        source, target: where they are.
        name: its path within the input folder, or its file name.
        key: the path of the result within the output folder; shards are chosen by it.
        replaces: an older target is replaced in any case, since an earlier run of the same manifest wrote it.
    """

    source: Location
    target: Location
    name: str = field(default="", compare=False)
    key: str = field(default="", compare=False)
    replaces: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class InputProblem:
    """An input that cannot become a job, and the reason. The other inputs are used."""

    source: Location
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
class Found:
    """An image file, and the input folder in which it was found; None for a file named by itself."""

    path: Location
    root: Location | None

    @cached_property
    def name(self) -> str:
        """Its path within the folder, or its file name."""
        return name_within(self.path, self.root) if self.root is not None else self.path.name

    @property
    def within(self) -> PurePosixPath:
        """The folder within the input folder that contains it."""
        return PurePosixPath(self.name).parent if self.root is not None else PurePosixPath()


def find_jobs(inputs: list[str], naming: Naming) -> tuple[list[Job], list[InputProblem]]:
    """Turn files, folders (searched recursively) and glob patterns into jobs.

    Raises :class:`JobsError` where two images would be written to one file, an output would replace its own source,
    or nothing was found at all.
    """
    check_naming(naming)
    problems: list[InputProblem] = []
    found: dict[Location, Found] = {}
    for given in inputs:
        for one in expand(given, naming):
            if isinstance(one, InputProblem):
                problems.append(one)
            else:
                found.setdefault(real(one.path), one)
    single = len(found) == 1 and len(inputs) == 1 and all(one.root is None for one in found.values())
    jobs = [job_of(one, naming, single) for one in found.values()]
    _refuse_conflicts(jobs)
    if not jobs and not problems:
        raise JobsError(f"no images found in {', '.join(inputs)}")
    return jobs, problems


def existing_outputs(jobs: list[Job], existing: Existing) -> tuple[list[Job], list[Job]]:
    """Split into jobs to do and jobs whose output exists and is not to be replaced."""
    if existing == "overwrite":
        return jobs, []
    there = {job: exists(job.target) for job in jobs}
    return [job for job in jobs if not there[job]], [job for job in jobs if there[job]]


def check_naming(naming: Naming) -> None:
    """Raise :class:`JobsError` for a name that no output can have."""
    if "\0" in (naming.output or ""):
        raise JobsError("the name of the output contains a NUL character, which file names cannot")
    if (naming.output or "").lower().startswith(("http://", "https://")):
        raise JobsError("wildsr only reads from http; write to a folder, or to s3://, gs:// or az://")


def expand(given: str, naming: Naming) -> Iterator[Found | InputProblem]:
    """The images that an input names, as they are found."""
    try:
        path = _expanded(given)
    except ValueError as error:
        raise JobsError(str(error)) from error
    if "\0" in given:
        yield InputProblem(path, "file names cannot contain a NUL character")
    elif is_folder(path):
        yield from _search(path, naming)
    elif is_remote(path) or os.path.lexists(str(path)):  # False for a name too long for the file system
        yield Found(path, None)
    elif glob.has_magic(given):
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        files = [match for match in matches if match.is_file()]
        if not files:
            yield InputProblem(path, "no file matches this pattern")
        yield from (Found(match, None) for match in files)
    else:
        yield InputProblem(path, "there is no such file or folder")


def _search(root: Location, naming: Naming) -> Iterator[Found | InputProblem]:
    """Images under ``root`` by suffix, without hidden files and our own output."""
    problems: list[InputProblem] = []
    nothing = True
    for path in files_below(
        root,
        READABLE_SUFFIXES,
        excluded=_output_folder(naming),
        on_error=lambda error: problems.append(_unreadable(error, root)),
    ):
        nothing = False
        yield Found(path, root)
    yield from problems
    if nothing and not problems:
        yield InputProblem(root, "there is no image in this folder")


def _expanded(given: str) -> Location:
    """The location with a leading ``~`` replaced; ``~name`` of an unknown user is a file name."""
    return locate(os.path.expanduser(given))  # noqa: PTH111 - Path.expanduser raises for unknown users


def _unreadable(error: OSError, root: Location) -> InputProblem:
    # The error of a store names the address.
    place = root if is_remote(root) else Path(error.filename or str(root))
    return InputProblem(place, f"the folder cannot be read: {error.strerror}")


def _output_folder(naming: Naming) -> Location | None:
    if naming.output is None or "{" in naming.output:
        return None
    return real(_expanded(naming.output))


def job_of(found: Found, naming: Naming, single: bool, folder: Location | None = None) -> Job:
    """The job for an image; ``single``: it is the only input, so that the output may be a file.

    ``folder``: the result of :func:`results_folder`, for callers that have many images.

    Raises:
        JobsError: the rules give no usable name, or the name of another format than the one asked for.
    """
    if naming.format is not None:
        suffix = output_format("", naming.format).suffixes[0]
    else:
        suffix = naming.suffix or _usual_suffix(found.path.suffix)
    inner = f"{found.name.rpartition('/')[0]}/{found.path.stem}{suffix}".lstrip("/")
    target, key = (folder / inner, inner) if folder is not None else _target(found, naming, suffix, single)
    if naming.format is not None:
        _refuse_another_format(target, naming.format)
    return Job(found.path, target, found.name, key)


@lru_cache(256)
def _usual_suffix(suffix: str) -> str:
    return default_suffix(f"image{suffix}")


def _target(found: Found, naming: Naming, suffix: str, single: bool) -> tuple[Location, str]:
    """Where the result goes, and its name within the output folder."""
    inner = found.within / f"{found.path.stem}{suffix}"
    if naming.output is None:
        if found.root is None:
            name = f"{found.path.stem}_{naming.label}{suffix}"
            return found.path.with_name(name), name
        root = real(found.root)
        if not root.name:
            raise JobsError(f"give a folder for the results of {root} with -o")
        return root.with_name(f"{root.name}_{naming.label}") / inner, inner.as_posix()
    if "{" in naming.output:
        filled = _fill(naming, found, suffix)
        return _expanded(filled), filled
    folder = results_folder(naming, single)
    if folder is not None:
        return folder / inner, inner.as_posix()
    output = _expanded(naming.output)
    return output, output.name


def results_folder(naming: Naming, single: bool = False) -> Location | None:
    """The folder of all results; None where names are filled in, stand beside the inputs, or name a single file.

    Raises:
        JobsError: several results would go to one file.
    """
    if naming.output is None or "{" in naming.output:
        return None
    output = _expanded(naming.output)
    if single and not naming.output.endswith(("/", os.sep)) and not is_folder(output):
        return None
    a_file = not is_remote(output) and is_regular_file(output)
    if a_file or (not is_folder(output) and _named_like_a_file(naming.output)):
        raise JobsError(f"{output} names a file, but several images were given; name a folder with -o")
    return output


def _named_like_a_file(output: str) -> bool:
    return not output.endswith(("/", os.sep)) and format_of_suffix(output) is not None


def _fill(naming: Naming, found: Found, suffix: str) -> str:
    assert naming.output is not None
    source = found.path
    values = {
        "folder": str(found.within),
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
    return filled


def _refuse_another_format(target: Location, name: str) -> None:
    wanted = output_format("", name)
    said = format_of_suffix(target.name)
    if said is not None and said is not wanted:
        raise JobsError(
            f"{target} ends like a {said.label} file, but --format {name} asks for {wanted.label}; change one of them"
        )


def _refuse_conflicts(jobs: list[Job]) -> None:
    writers: dict[Location, Location] = {}
    for job in jobs:
        target = real(job.target)
        if target == real(job.source):
            raise JobsError(
                f"{job.source} would be replaced by its own output; give another file or folder with -o"
            )
        if target in writers:
            raise JobsError(
                f"{writers[target]} and {job.source} would both be written to {job.target}; "
                "use a pattern with {folder}, {stem} and {ending}, or process them one by one"
            )
        writers[target] = job.source
    for job in jobs:
        if real(job.source) in writers:
            raise JobsError(
                f"{job.source} is an input and also the output for {writers[real(job.source)]}; "
                "give another output with -o"
            )
