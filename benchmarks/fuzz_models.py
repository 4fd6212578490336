"""Hostile model files by the thousand: none may crash, hang, execute anything or fill the memory.

    nice -n 10 python benchmarks/fuzz_models.py --count 4000 --keep findings

Prints a table in Markdown; the exit code is 1 when anything was found. The same seed gives the same files.
"""

import argparse
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "zoo"))

from fuzz_pool import CANARY, Report, run
from hostile_files import hostile, onnx_samples, samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--onnx", action="store_true", help="ONNX files instead of the other formats")
    parser.add_argument("--keep", type=Path, help="folder for the files with findings")
    chosen = parser.parse_args()
    make = partial(hostile, chosen.seed, healthy=onnx_samples() if chosen.onnx else samples(), canary=CANARY)
    began = time.monotonic()
    report = run(
        make,
        range(chosen.first, chosen.first + chosen.count),
        workers=chosen.workers,
        memory=(2048 if chosen.onnx else 256) << 20,  # OpenVINO itself takes much
        keep=chosen.keep,
    )
    show(report, time.monotonic() - began)
    sys.exit(1 if report.findings else 0)


def show(report: Report, seconds: float) -> None:
    formats: Counter[tuple[str, str]] = Counter()
    for (kind, outcome), count in report.outcomes.items():
        formats[kind.partition(":")[0], outcome] += count
    for finding in report.findings:
        formats[finding.kind.partition(":")[0], "finding"] += 1
    columns = ("refused", "model", "finding")
    print("| format | tried | refused with a reason | loaded all the same | findings |")
    print("|---|---|---|---|---|")
    for form in dict.fromkeys(form for form, _ in sorted(formats)):
        counts = [formats[form, column] for column in columns]
        print(f"| {form} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    counts = [sum(formats[form, column] for form in {form for form, _ in formats}) for column in columns]
    print(f"| all | {sum(counts)} | {' | '.join(map(str, counts))} |")
    print(
        f"\n{seconds:.0f} s; most memory for a file {report.largest >> 20} MB of addresses; slowest "
        f"{report.slowest[0]:.2f} s ({report.slowest[1]})"
    )
    for finding in report.findings:
        print(f"- {finding.index} {finding.kind}: {finding.problem}")


if __name__ == "__main__":
    main()
