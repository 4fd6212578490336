"""Hostile files by the thousand: none may crash, hang, execute anything or fill the memory.

    nice -n 10 python benchmarks/fuzz.py models --count 4000 --keep findings
    nice -n 10 python benchmarks/fuzz.py images recipes pools stores states records names --count 600
    nice -n 10 python benchmarks/fuzz.py profiles manifests options votes matlab --count 600

Prints a table in Markdown; the exit code is 1 when anything was found. The same seed gives the same files.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "zoo"))

from fuzz_pool import CANARY, Hostile, Report, run
from hostile_files import hostile, onnx_samples, samples
from hostile_inputs import KINDS, healthy_inputs, hostile_input

_MEMORY = 256 << 20
# OpenVINO takes half of this by itself; an image of any size up to the limit of pixels is read.
_LARGER = {"onnx": 2048 << 20, "images": 4096 << 20}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="+", choices=["models", "onnx", *KINDS], help="kinds of files")
    parser.add_argument("--count", type=int, default=600, help="files of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder for the files with findings")
    chosen = parser.parse_args()
    began = time.monotonic()
    reports = []
    for kind in chosen.kinds:
        make, loader = _maker(kind, chosen.seed)
        report = run(
            make,
            range(chosen.first, chosen.first + chosen.count),
            workers=chosen.workers,
            memory=_LARGER.get(kind, _MEMORY),
            loader=f"load_any:{loader}",
            keep=chosen.keep and chosen.keep / kind,
        )
        reports.append(report)
    show(reports, time.monotonic() - began)
    sys.exit(1 if any(report.findings for report in reports) else 0)


def _maker(kind: str, seed: int) -> tuple[Callable[[int], Hostile], str]:
    """Makes the file of a number, and the function of load_any.py that reads it."""
    if kind in KINDS:
        return partial(hostile_input, seed, kind, healthy_inputs(kind)), f"load_{kind}"
    healthy = onnx_samples() if kind == "onnx" else samples()
    return partial(hostile, seed, healthy=healthy, canary=CANARY), "load_any"


def show(reports: list[Report], seconds: float) -> None:
    formats: Counter[tuple[str, str]] = Counter()
    for report in reports:
        for (kind, outcome), count in report.outcomes.items():
            formats[kind.partition(":")[0], outcome] += count
        for finding in report.findings:
            formats[finding.kind.partition(":")[0], "finding"] += 1
    columns = ("refused", "model", "finding")
    print("| format | tried | refused with a reason | loaded all the same | findings |")
    print("|---|---|---|---|---|")
    forms = list(dict.fromkeys(form for form, _ in sorted(formats)))
    for form in forms:
        counts = [formats[form, column] for column in columns]
        print(f"| {form} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    counts = [sum(formats[form, column] for form in forms) for column in columns]
    print(f"| all | {sum(counts)} | {' | '.join(map(str, counts))} |")
    slowest = max(report.slowest for report in reports)
    largest = max(report.largest for report in reports)
    print(
        f"\n{seconds:.0f} s; most memory for a file {largest >> 20} MB of addresses; slowest {slowest[0]:.2f} s "
        f"({slowest[1]})"
    )
    for report in reports:
        for finding in report.findings:
            print(f"- {finding.index} {finding.kind}: {finding.problem}")


if __name__ == "__main__":
    main()
