"""``wildsr adapt``."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import Bars, errors, exits, literal, progress, say
from wildsr.cli.train import duration, training_extra

if TYPE_CHECKING:
    from rich.console import Console

    from wildsr.adapt.events import AdaptEvent
    from wildsr.adapt.run import AdaptResult


class MethodName(str, Enum):
    """Ways to make LR images."""

    profile = "profile"
    realsr = "realsr"
    dsgan = "dsgan"
    ddnsr = "ddnsr"


def adapt(
    photos: Annotated[
        list[Path],
        typer.Argument(help="Folders of photos of one camera, not resized or edited.", show_default=False),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The model to write, .safetensors.", show_default=False)
    ],
    sharp: Annotated[
        Path | None,
        typer.Option(
            help="Folder of sharp photos of any camera, to learn detail from. By default the photos themselves, "
            "downscaled until they are clean.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Total time in minutes, including the proof.")] = 20.0,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Train for this many steps, however long they take, so that runs can be compared.",
            show_default=False,
        ),
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough",
            help="Measure all photos, however long it takes. With realsr, also estimate kernels with KernelGAN in "
            "full; with dsgan and ddnsr, train the network that degrades for --minutes of its own.",
        ),
    ] = False,
    only: options.OnlyCamera = None,
    faithful: Annotated[
        bool,
        typer.Option(
            "--faithful", help="Start from the model that adds no invented detail, and train for PSNR."
        ),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option("-m", "--model", help="Model to start from: a name or a file.", show_default=False),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Train all weights of an RRDBNet, not only low-rank changes; needs more memory."
        ),
    ] = False,
    method: Annotated[
        MethodName,
        typer.Option(
            help="profile: degrade by the measured blur, noise and compression; realsr: by RealSR's pools of kernels "
            "and noise patches; dsgan, ddnsr: by a network that is first trained on the photos."
        ),
    ] = MethodName.profile,
    degrader: Annotated[
        str | None,
        typer.Option(
            help="Trained network of DSGAN or DDNSR that degrades images, for --method dsgan or ddnsr, instead of one "
            "trained on the photos.",
            show_default=False,
        ),
    ] = None,
    noise_from: Annotated[
        Path | None,
        typer.Option(
            help="Folder of other photos whose noise is used as well (RWSR-EDL).", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="The HTML report. By default next to the model.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write the model even if it is not better.")] = False,
    device: options.Device = "auto",
    features: options.Features = None,
    seed: options.Seed = 0,
) -> None:
    """Make a model for your own camera: measure its photos, fine-tune, and test whether it is better.

    The model is written only if it is better on held-out photos; otherwise the command reports that the default is as
    good. The same command continues an interrupted run.

    Exit codes: 0 done, also if no model was written; 1 failed, 2 wrong usage, 130 interrupted, 143 terminated in
    training.
    """
    with exits(f"Interrupted; the same command continues from {output.stem}-work."):
        with training_extra():
            from wildsr.adapt.request import AdaptOptions
            from wildsr.adapt.run import adapt as run
        settings = AdaptOptions(
            sharp=sharp,
            minutes=minutes,
            steps=steps,
            thorough=thorough,
            only=only,
            faithful=faithful,
            model=model,
            full=full,
            noise_from=noise_from,
            method=method.value,
            degrader=degrader,
            force=force,
            device=device,
            features=features,
            seed=seed,
        )
        console = errors()
        with progress() as bars:
            result = run(
                photos, output, settings, report=report, on_event=lambda event: _show(bars, console, event)
            )
        _summarise(result, output)


def _show(bars: Bars, console: "Console", event: "AdaptEvent") -> None:
    from wildsr.adapt import events

    match event:
        case events.AdaptStage():
            console.print(literal(f"{event.text}{' (done before)' if event.done else ''}"))
        case events.AdaptProgress():
            left = "" if event.seconds_left is None else duration(event.seconds_left)
            losses = "  ".join(
                f"{name.rpartition('/')[2]} {value:.3f}" for name, value in event.losses.items()
            )
            bars(event.stage, event.done, event.total, note=f"{left}  {losses}".strip())
        case events.AdaptNote():
            console.print(literal(event.text))
        case events.AdaptValidated():
            gain = f"{event.psnr - event.start:+.2f} dB against the starting model"
            console.print(literal(f"PSNR at step {event.step}: {event.psnr:.2f} dB, {gain}"))
        case events.AdaptPreview():
            console.print(literal(f"sample at step {event.step}: {event.path}"))


def _summarise(result: "AdaptResult", output: Path) -> None:
    verdict = result.verdict
    if verdict.better:
        say(f"The adapted model is better on this camera's photos: {verdict.reason}.")
    else:
        say(f"No clear improvement: {verdict.reason}.")
    if lpips := verdict.gain("lpips-alex"):
        say(f"LPIPS {lpips.before:.3f} -> {lpips.after:.3f} (lower is better)")
    for remark in verdict.remarks:
        say(remark)
    if result.model is not None:
        say(f"model   {result.model}")
    else:
        say("No model was written; repeat the command with --force to write it anyway.")
        if output.exists():
            say(f"The model of an earlier run stays at {output}.")
    say(f"report  {result.report}")
    errors().print(literal(f"{result.work} holds the intermediate files; you can delete it"))
