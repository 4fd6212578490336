"""``wildsr benchmark``."""

from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import FAILED, exits, literal, output, progress
from wildsr.cli.evaluation_report import print_problems, print_published, print_results


def benchmark(
    data: Annotated[
        Path,
        typer.Option(help="Folder of the test images: testsets/Set5, photos/test ...", show_default=False),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="classic, wild, real (by default these three), or a part such as wild/bsrgan; or bsrgan, "
            "ntire2020-track1, ntire2020-track2, aim2019, realsr, camerasr, dped, div2k-noise8, div2k-jpeg30.",
            show_default=False,
        ),
    ] = None,
    model: options.Model = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Write the results as a page in Markdown.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for results.json, results.csv and results.md of each benchmark.",
            show_default=False,
        ),
    ] = None,
    features: options.Features = None,
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.exact,
    cache: options.Cache = None,
    fresh: options.Fresh = False,
) -> None:
    """Measure models with fixed protocols, so that numbers are comparable.

    \b
      wildsr benchmark --data data/ --write docs/benchmarks.md
      wildsr benchmark wild/bsrgan --data data/ -m bicubic -m default -m runs/mine/generator.safetensors

    Without --model, a standard set of models is measured. Results of models are cached: the same command continues an
    interrupted run. Exit codes: 0 all measured, 1 some images could not be measured, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; results so far are cached, and the same command continues."):
        from wildsr.evaluation.benchmark import PROTOCOLS
        from wildsr.evaluation.benchmark_run import lineup, run_benchmarks, write_page
        from wildsr.evaluation.candidates import InferenceSettings, evaluation_cache
        from wildsr.evaluation.evaluate import RunOptions
        from wildsr.evaluation.output import check_output, write_output

        check_output(out, write, "--write")
        run = RunOptions(InferenceSettings(device, precision.value), cache or evaluation_cache(), fresh)
        models = lineup(model or [], data)
        found, failed = {}, 0
        with progress() as bars:
            for name, results in run_benchmarks(names or [], models, data, run, features, bars):
                found[name] = results
                print_results(results)
                print_published(PROTOCOLS[name].published)
                failed += print_problems(results)
                write_output(results, out / name if out else None, against=models.peer)
        for name, reason in models.missing.items():
            output().print(f"[yellow]not measured[/] {literal(name)}: {literal(reason)}")
        if write is not None:
            write_page(write, found, models, names or [])
            output().print(f"[green]{literal(write)}[/]")
        raise typer.Exit(FAILED if failed else 0)
