"""``wildsr convert``: a model file in another format."""

from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli.exit_codes import USAGE
from wildsr.zoo.errors import ModelError


def convert(
    model: Annotated[
        str,
        typer.Argument(
            help="A name from `wildsr models`, or a model file: .pth, .safetensors, .h5, .param.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help="The file to write, .safetensors or .onnx.", show_default=False)
    ],
    half: Annotated[
        bool, typer.Option("--half", help="Store float16: half the size, nearly the same result.")
    ] = False,
    toward: Annotated[
        str | None,
        typer.Option(help="Write what lies between two models of one architecture.", show_default=False),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="1: all of the model; lower blends toward --toward."),
    ] = 1.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is already there.")
    ] = False,
) -> None:
    """Write a model as .safetensors, which says what it is, or as .onnx for other programs.

    An ONNX file is run and compared with the model before it gets its name.
    """
    from wildsr.zoo.convert import convert as convert_model

    try:
        done = convert_model(model, output, half=half, overwrite=overwrite, toward=toward, strength=strength)
    except ModelError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE) from error
    typer.echo(f"{done.path}: {done.architecture}, {done.path.stat().st_size / 1e6:.1f} MB")
    if done.difference is not None:
        typer.echo(
            f"run and compared: the largest difference is {done.difference * 255:.2g} levels of 8 bits"
        )
