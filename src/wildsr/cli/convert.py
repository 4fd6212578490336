"""``wildsr convert``."""

from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, say


def convert(
    model: Annotated[
        str,
        typer.Argument(
            help="A name from `wildsr models`, or a model file: .pth, .safetensors, .h5, .param.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help="The file to write: .safetensors, .pth or .onnx.", show_default=False)
    ],
    half: Annotated[
        bool, typer.Option("--half", help="Store float16: half the size, almost the same results.")
    ] = False,
    toward: Annotated[
        str | None,
        typer.Option(
            help="Blend with this model, of the same architecture; see --strength.", show_default=False
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Weight of the model when blending with --toward, 0 to 1."),
    ] = 1.0,
    overwrite: options.Overwrite = False,
) -> None:
    """Convert a model to .safetensors, with its description in the header, or to .pth or .onnx for other programs.

    A .pth file holds the weights under the names of the original implementation (RealSR, BSRGAN, SRResCGAN ...).

    An ONNX file is run and compared with the model before it is written.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    with exits():
        from wildsr.zoo.convert import convert as convert_model

        done = convert_model(model, output, half=half, overwrite=overwrite, toward=toward, strength=strength)
        say(f"{done.path}: {done.architecture}, {done.path.stat().st_size / 1e6:.1f} MB")
        if done.difference is not None:
            say(f"run and compared: the largest difference is {done.difference * 255:.2g} levels of 8 bits")
