"""``wildsr convert``."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, say, status
from wildsr.errors import UsageError


class TargetName(str, Enum):
    """Programs that models can be exported for."""

    upscayl = "upscayl"
    chainner = "chainner"
    comfyui = "comfyui"
    openmodeldb = "openmodeldb"
    browser = "browser"


def convert(
    model: Annotated[
        str,
        typer.Argument(
            help="A name from `wildsr models`, or a model file: .pth, .safetensors, .h5, .param.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write: .safetensors, .pth or .onnx. With --for use -o instead.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        TargetName | None,
        typer.Option("--for", help="Export for this program, into the folder -o.", show_default=False),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Output folder of --for.", show_default=False),
    ] = None,
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            "--example", help="A photo to show with --for openmodeldb; may be repeated.", show_default=False
        ),
    ] = None,
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

    With --for PROGRAM -o FOLDER, the files that the program needs are checked and written; the checks are
    printed. For example: wildsr convert wildsr-photo-x4 --for upscayl -o models

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    with exits():
        if target is not None:
            if output is not None or folder is None or half:
                raise UsageError(f"--for {target.value} needs a folder, -o FOLDER, and no file or --half")
            _export(model, target.value, folder, toward, strength, overwrite, tuple(examples or ()))
            return
        if output is None or folder is not None or examples:
            raise UsageError(
                "give the file to write, such as model.safetensors; -o FOLDER and --example belong to --for"
            )
        from wildsr.zoo.convert import convert as convert_model

        done = convert_model(model, output, half=half, overwrite=overwrite, toward=toward, strength=strength)
        say(f"{done.path}: {done.architecture}, {done.path.stat().st_size / 1e6:.1f} MB")
        if done.difference is not None:
            say(f"run and compared: the largest difference is {done.difference * 255:.2g} levels of 8 bits")


def _export(
    model: str,
    target: str,
    folder: Path,
    toward: str | None,
    strength: float,
    overwrite: bool,
    images: tuple[Path, ...],
) -> None:
    from wildsr.export import export

    with status(f"Exporting {model}"):
        done = export(
            model,
            target,
            folder,
            overwrite=overwrite,
            toward=toward,
            strength=strength,
            images=images,
            report=say,
        )
    for path in done.files:
        say(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
