"""Parts of a large job, each for a process of its own, and the stream of images in one of them. Imports no torch."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from wildsr.errors import UsageError
from wildsr.inference.jobs import (
    InputProblem,
    Job,
    JobsError,
    Naming,
    check_naming,
    expand,
    job_of,
    results_folder,
)
from wildsr.storage.locations import Location, is_folder, locate, real
from wildsr.storage.seeds import in_shard


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``count`` parts."""

    number: int = 1
    count: int = 1

    def holds(self, key: str) -> bool:
        """Whether the image with this name belongs to the part; depends on nothing but the name and the count."""
        return in_shard(key, self.number, self.count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str) -> Shard:
    """The shard that ``3/100`` names.

    Raises:
        UsageError: it is not of that form, there is no such part, or there are more than 999,999.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip(), re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(
            f"--shard takes a part and the number of parts, such as 3/100 (1/100 to 100/100), not '{text}'"
        )
    return Shard(int(found[1]), int(found[2]))


def stream_jobs(
    inputs: list[str], naming: Naming, shard: Shard | None = None
) -> Iterator[Job | InputProblem]:
    """The jobs of a shard, while the inputs are still being listed; holds a number per image, not its name.

    Shards are chosen by the names of results, so that two images with the same result meet in one shard, whatever
    their number: the second becomes a problem. A result that would replace its source is one, too.

    Raises:
        JobsError: as :func:`wildsr.inference.jobs.find_jobs`, as far as single images decide.
    """
    shard = shard or Shard()
    check_naming(naming)
    for given in inputs:
        _refuse_mixed(given, naming)
    single = len(inputs) == 1
    results: set[int] = set()
    folder: Location | None = None
    for given in inputs:
        for one in expand(given, naming):
            if isinstance(one, InputProblem):
                yield one
                continue
            alone = single and one.root is None and str(one.path) == str(locate(given))
            folder = folder if alone or folder is not None else results_folder(naming)
            job = job_of(one, naming, alone, None if alone else folder)
            if not shard.holds(job.key):
                continue
            yield _checked(job, results)


def _checked(job: Job, results: set[int]) -> Job | InputProblem:
    place = str(real(job.target))
    target = _digest(place)
    if place == str(real(job.source)):
        return InputProblem(job.source, "it would be replaced by its own output; give another folder with -o")
    if target in results:
        return InputProblem(
            job.source,
            f"another image is written to {job.target} already; use a pattern with {{folder}}, {{stem}} and {{ending}}",
        )
    results.add(target)
    return job


def _refuse_mixed(given: str, naming: Naming) -> None:
    """Results of a pattern must not appear among the inputs, where the next run would find them."""
    if naming.output is None or "{" not in naming.output:
        return
    place = locate(naming.output.partition("{")[0].rpartition("/")[0] or ".")
    source = locate(given)
    if is_folder(source) and _inside(str(real(place)), str(real(source))):
        raise JobsError(
            f"results in {place} would be inputs of the next run of {given}; give another folder with -o"
        )


def _inside(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
