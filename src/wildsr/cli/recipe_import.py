"""``wildsr recipe import``: an option file of an original implementation as a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, say, warn
from wildsr.cli.train import training_extra
from wildsr.errors import UsageError
from wildsr.storage.atomic import write_text


def import_options(
    file: Annotated[
        Path,
        typer.Argument(
            help="An option file: .yml of RealSR, RWSR-EDL or ESRGAN-FS, .json of KAIR.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="YAML file to write; by default it is printed.", show_default=False
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Recipe that fills in what the file does not say, such as edl-aim; by default the nearest.",
            show_default=False,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Turn an option file of an original implementation into a recipe.

    What has no counterpart is listed on standard error, and in comments at the head of the YAML.
    """
    with exits():
        with training_extra():
            from wildsr.recipes.importing.importer import import_recipe
        if output is not None and output.exists() and not overwrite:
            raise UsageError(f"{output} exists; use --overwrite to replace it")
        imported = import_recipe(file, base)
        for line in (*imported.notes, *(f"without a counterpart: {one}" for one in imported.leftovers)):
            warn(line)
        text = imported.to_yaml(str(file))
        if output is None:
            say(text.removesuffix("\n"))
        else:
            write_text(output, text)
            warn(f"{output}: train it with `wildsr train {output}`")
