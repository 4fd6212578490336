"""The stage that trains the network of DSGAN or DDNSR, which then makes the LR images of the training."""

from pathlib import Path
from typing import Any

from wildsr.adapt.degrader_recipes import degrader_file, degrader_recipe
from wildsr.adapt.events import AdaptNote, AdaptProgress
from wildsr.adapt.request import GENERAL, NOISY
from wildsr.adapt.sources import Chosen
from wildsr.adapt.stages import Stages
from wildsr.adapt.training import measure_pace, train_by_clock
from wildsr.adapt.work import WorkFolder
from wildsr.recipes.run import build
from wildsr.training.events import Event, TrainingNote, TrainingProgress

_SHARE, _LEAST = 0.4, 0.16
"""Share of the time for training, and least share of the whole time, in which the network learns to degrade."""
_FEW_STEPS = 150
"""Number of steps below which the network has hardly changed."""


def train_degrader(stages: Stages, chosen: Chosen, reserved: float) -> None:
    """Train the network that degrades, or go on where an interrupted run stopped; a finished one is kept.

    It gets 40 % of the time that is left after ``reserved`` seconds for the proof. With ``thorough`` it gets all
    minutes for itself, and the time of the adaptation is longer by as much.

    Raises:
        AdaptError: the time ran out before the first step.
        Interrupted, TrainingError: as :func:`wildsr.training.loop.fit`.
    """
    options, work, folder = stages.options, stages.work, stages.degrader_folder
    known = work.load("degrader")
    text = f"training {options.method.upper()}'s network to degrade like the photos"
    if known is not None and degrader_file(folder, options.method).is_file():
        stages.stage("degrader", text, done=True)
    else:
        stages.stage("degrader", text)
        recipe = degrader_recipe(
            options.method,
            work.path / "hr",
            stages.references(chosen),
            folder,
            options.features,
            options.seed,
        )
        built = build(recipe, options.features)
        pace = measure_pace(built, options.device)
        trained = float((work.load("degrading") or {}).get("seconds", 0.0))
        budget = stages.time.budget
        free = max(0.0, stages.time.left + trained - reserved)
        seconds = budget if options.thorough else max(_SHARE * free, _LEAST * budget)
        total = round(seconds / pace.seconds) if options.steps is None else options.steps
        stages.send(AdaptNote(_expected(total, pace.seconds)))
        done = [int((work.load("degrading") or {}).get("steps", 0))]

        def on_event(event: Event) -> None:
            if isinstance(event, TrainingProgress):
                done[0] = event.step
                left = max(0.0, stages.time.left)
                progress = AdaptProgress("degrader", event.step, max(total, event.step), left, event.losses)
                stages.send(progress)
            elif isinstance(event, TrainingNote):
                stages.send(AdaptNote(event.text))

        def on_time(spent: float) -> None:
            work.save("degrading", {"seconds": round(spent, 1), "steps": done[0]})
            stages.time.save()

        train_by_clock(
            built, folder, pace, seconds, trained, options.device,
            steps=options.steps,
            on_event=on_event,
            on_problem=lambda problem: stages.send(AdaptNote(f"not used: {problem}")),
            on_time=on_time,
        )  # fmt: skip
        known = {
            "method": options.method,
            "photos": len(chosen.training),
            **(work.load("degrading") or {"seconds": 0.0, "steps": done[0]}),
        }
        work.save("degrader", known)
    if options.thorough:
        stages.time.budget += float(known["seconds"])


def _expected(steps: int, pace: float) -> str:
    """Announces the length of the training."""
    text = f"about {steps} steps of {pace:.2f} s for the network that degrades"
    return text + ("; few, more --minutes make it better" if steps < _FEW_STEPS else "")


def described(stages: Stages) -> str:
    """How the LR images of the training were made, in words for the report and the model's header."""
    options, work = stages.options, stages.work
    general = f"{GENERAL:.0%} of the patches by the general mixture"
    if options.noise_from is not None:
        share = (
            "all with noise patches of these photos and"
            if options.method == "realsr"
            else f"{NOISY:.0%} with noise patches"
        )
        general = f"{share} of {options.noise_from.name}, {general}"
    if options.degrader is not None:
        return f"{options.method}, by the network {Path(options.degrader).name}, {general}"
    known = trained_degrader(work)
    if known is None:
        return f"{options.method}, {general}"
    minutes = f"{known['steps']} steps in {float(known['seconds']) / 60:.1f} minutes"
    return (
        f"{options.method}, by a network trained on {known['photos']} of these photos ({minutes}), {general}"
    )


def trained_degrader(work: WorkFolder) -> dict[str, Any] | None:
    """Length of the training of the network that degrades; None if there was none."""
    return work.load("degrader")
