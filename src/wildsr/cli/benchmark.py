"""``wildsr benchmark``: the fixed protocols, on this machine."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.evaluation_report import (
    complain,
    plain_console,
    print_problems,
    print_published,
    print_results,
    progress_bar,
    write_files,
)
from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.image.errors import ImageError
from wildsr.storage.atomic import write_text
from wildsr.zoo.errors import ModelError


def benchmark(
    data: Annotated[
        Path,
        typer.Option(help="Folder of the test images: testsets/Set5, photos/test ...", show_default=False),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="classic, wild, real (all three by default), or a part such as wild/bsrgan; or ntire2020-track1, "
            "ntire2020-track2, aim2019, realsr, camerasr, dped, div2k-noise8, div2k-jpeg30.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            help="A model to measure: a name, a file, 'bicubic', or NAME= before one of these. May be repeated. By "
            "default the standard ones.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Write the page of benchmarks: a Markdown file.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for results.json, results.csv and results.md of every benchmark.",
            show_default=False,
        ),
    ] = None,
    weights_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the metrics' weights. By default 'features' in the data, where there is one.",
            show_default=False,
        ),
    ] = None,
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.exact,
    cache: options.Cache = None,
    fresh: options.Fresh = False,
) -> None:
    """Measure models by fixed protocols, whose numbers can be compared.

    \b
      wildsr benchmark --data data/ --write docs/benchmarks.md
      wildsr benchmark wild/bsrgan --data data/ -m bicubic -m default -m runs/mine/generator.safetensors

    What was upscaled is kept: the same command goes on where it stopped. Exit codes: 0 all measured, 1 some images
    could not be, 2 wrong usage, 130 interrupted.
    """
    from wildsr.evaluation.benchmark import (
        PEER,
        PROTOCOLS,
        SCALE,
        benchmark_method,
        datasets_of,
        select,
        standard_methods,
    )
    from wildsr.evaluation.benchmark_page import to_page
    from wildsr.evaluation.evaluate import Measuring, Working, evaluate_methods
    from wildsr.evaluation.methods import Enlarging, apart, evaluation_cache
    from wildsr.evaluation.results import Results

    console = plain_console()
    features = data / "features"
    weights = weights_dir or (features if features.is_dir() else None)
    working = Working(Enlarging(device, precision.value), cache or evaluation_cache(), fresh)
    found: dict[str, Results] = {}
    failed = 0
    missing: dict[str, str] = {}
    try:
        if model:
            methods = apart([benchmark_method(given, data) for given in model])
        else:
            methods, missing = standard_methods(data)
        peer = PEER if PEER in [method.name for method in methods] else methods[0].name
        for name, part in select(names or []).items():
            with progress_bar(console) as step:
                datasets = datasets_of(name, data, working.cache, part, partial(step, "making inputs"))
                measuring = Measuring(PROTOCOLS[name].metrics, PROTOCOLS[name].border, weights)
                found[name] = evaluate_methods(
                    methods, datasets, measuring, working, scale=SCALE, on_step=step
                )
            print_results(console, found[name])
            print_published(console, PROTOCOLS[name].published)
            failed += print_problems(console, found[name])
            write_files(found[name], output / name if output else None, None, peer)
        for name, reason in missing.items():
            console.print(f"[yellow]not measured[/] {name}: {reason}")
        if write is not None:
            chosen = "".join(f" {name}" for name in names or [])
            write_text(
                write, to_page(found, peer, f"wildsr benchmark{chosen} --data DATA --write PAGE", missing)
            )
            console.print(f"[green]{write}[/]")
    except (FileNotFoundError, ModelError, ImageError, ValueError) as error:
        complain(str(error))
        raise typer.Exit(USAGE) from error
    except KeyboardInterrupt as error:
        console.print("Interrupted; results so far are kept, the same command goes on from there.")
        raise typer.Exit(INTERRUPTED) from error
    raise typer.Exit(FAILED if failed else 0)
