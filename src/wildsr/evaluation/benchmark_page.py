"""The Markdown page of benchmark results, with everything needed to repeat them."""

from collections.abc import Mapping
from typing import Any

from wildsr.evaluation.benchmark import PROTOCOLS
from wildsr.evaluation.protocol import PublishedRow
from wildsr.evaluation.results import TRAINED_NOTE, Results
from wildsr.evaluation.summary import any_trained_on
from wildsr.evaluation.tables import LEGEND, NOTE_ON_P, difference_table, remarks, summary_table

_HEAD = """\
# Benchmarks

This page is written by `{command}`; numbers are not edited by hand. The benchmarks, their images,
degradations and metrics are fixed in `wildsr/evaluation/benchmark.py`, and running one twice on a machine gives the
same numbers to the last digit. [How to read and repeat them](evaluation.md).

{legend}

Seconds are the median for an image, in the precision named below and on the machine of the run, which may have been
busy; docs/speed.md has careful measurements. Peak memory is that of the whole process with its libraries."""


def to_page(found: Mapping[str, Results], peer: str, command: str, missing: Mapping[str, str]) -> str:
    """Write the page: results by benchmark, differences to ``peer``, and the ``missing`` models with the reasons."""
    marked = any(any_trained_on(results) for results in found.values())
    parts = [_HEAD.format(command=command, legend=f"{LEGEND} {TRAINED_NOTE}" if marked else LEGEND)]
    for name, results in found.items():
        parts += [f"## {name}", PROTOCOLS[name].about]
        for dataset in results.datasets:
            facts = results.protocol["datasets"][dataset]
            parts += [f"### {dataset}", f"{facts['pictures']} images. LR: {facts['lr']}."]
            parts += [summary_table(results, dataset), *remarks(results, dataset)]
        parts += published_table(PROTOCOLS[name].published)
        if peer in results.methods and len(results.methods) > 1:
            parts += [f"### {name}: differences to {peer}", difference_table(results, peer)]
    parts += [
        NOTE_ON_P,
        "## What was measured",
        _methods(found),
        *_missing(missing),
        _metrics(found),
        _data(found),
    ]
    return "\n\n".join(parts) + "\n"


def published_table(published: tuple[PublishedRow, ...]) -> list[str]:
    """A heading and a Markdown table of numbers that others published; empty if there are none."""
    if not published:
        return []
    labels = list(dict.fromkeys(label for row in published for label in row.values))
    lines = [f"| method | {' | '.join(labels)} | images | source |", "|---" * (len(labels) + 3) + "|"]
    for row in published:
        values = [f"{row.values[label]:g}" if label in row.values else "–" for label in labels]
        lines.append(f"| {row.method} | {' | '.join(values)} | {row.images} | {row.source} |")
    return ["Published by others, not computed here; other code, and images as named:", "\n".join(lines)]


def _methods(found: Mapping[str, Results]) -> str:
    facts: dict[str, dict[str, Any]] = {}
    for results in found.values():
        facts |= results.protocol["methods"]
    lines = [
        "| method | network | parameters | computed by | licence | SHA-256 of the weights |",
        "|---|---|---|---|---|---|",
    ]
    for name, fact in facts.items():
        if "sha256" not in fact:
            lines.append(f"| {name} | {fact['method']} | – | – | – | – |")
            continue
        lines.append(
            f"| {name} | {fact['architecture']} | {fact['parameters']:,} | {fact['engine']} | {fact['licence']} | "
            f"`{fact['sha256'][:16]}…` |"
        )
    return "\n".join(lines)


def _missing(missing: Mapping[str, str]) -> list[str]:
    return [f"Not measured: {name}, because {reason}." for name, reason in missing.items()]


def _metrics(found: Mapping[str, Results]) -> str:
    lines: dict[str, str] = {}
    for results in found.values():
        for metric in results.metrics:
            files = results.protocol["metrics"][metric.name]["files"]
            listed = "; files: " + ", ".join(f"`{file}`" for file in files) if files else ""
            lines[metric.name] = f"- **{metric.label}**: {metric.definition}{listed}."
    return "\n".join(lines.values())


def _data(found: Mapping[str, Results]) -> str:
    lines = []
    for results in found.values():
        for name, facts in results.protocol["datasets"].items():
            seed = f", seed {facts['seed']}" if "seed" in facts else ""
            lines.append(f"- {name}: LR and HR with SHA-256 `{facts['sha256'][:16]}…`{seed}.")
    last = next(iter(found.values())).protocol
    lines.append(f"- wildsr {last['wildsr']}, PyTorch {last['torch']}, {last['machine']}.")
    return "\n".join(lines)
