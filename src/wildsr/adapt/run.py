"""The adaptation from beginning to end."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wildsr.adapt.degrader import described, train_degrader
from wildsr.adapt.errors import AdaptError
from wildsr.adapt.events import AdaptNote, OnAdaptEvent
from wildsr.adapt.gain import Verdict
from wildsr.adapt.measured import Measured, compared
from wildsr.adapt.page import write_page
from wildsr.adapt.request import AdaptOptions
from wildsr.adapt.sources import Chosen, varies
from wildsr.adapt.stages import Stages
from wildsr.adapt.training import adaptable
from wildsr.adapt.tuning import PROOF_MARGIN, Tuning
from wildsr.adapt.work import Clock, WorkFolder
from wildsr.degradations.profile import Profile
from wildsr.errors import UsageError
from wildsr.training.export import save_model
from wildsr.zoo.load import load


@dataclass(frozen=True)
class AdaptResult:
    """Result of an adaptation.

    Attributes:
        model: the model file; None if it was not written.
        report: the report.
        verdict: whether the model is better, why, and the gains.
        profile: of the camera.
        work: folder of everything that was made on the way; it may be removed.
    """

    model: Path | None
    report: Path
    verdict: Verdict
    profile: Profile
    work: Path


def adapt(
    photos: Path | Sequence[Path],
    output: Path,
    options: AdaptOptions | None = None,
    *,
    report: Path | None = None,
    on_event: OnAdaptEvent | None = None,
) -> AdaptResult:
    """Fine-tune a model for the camera of some photos, and prove on set-aside ones that it is better.

    The model is written only if the gain is certain, or with ``options.force``. The same call continues a run that was
    interrupted; its files are in a folder beside ``output``.

    Args:
        photos: folders of photos, or photos.
        output: the model file, ``.safetensors``.
        options: see :class:`AdaptOptions`.
        report: the HTML report; None: beside the model.
        on_event: progress and messages.

    Raises:
        UsageError: too few usable photos, several cameras, or an output that cannot be one.
        AdaptError: the run cannot go on; says what to do.
        Interrupted: a signal ended the training; the same call continues it.
        WildsrError: from the stages, such as ``EstimationError``, ``TrainingError`` and ``ModelError``.
    """
    places = (photos,) if isinstance(photos, Path) else tuple(photos)
    options = options or AdaptOptions()
    report = report or output.with_suffix(".html")
    _check_output(output, report)
    adaptable(options.start)
    work = WorkFolder(output.with_name(f"{output.stem}-work"))
    if output.exists() and work.load("run") is None:
        raise UsageError(f"{output} exists already; choose another name with -o, or move it away")
    stages = Stages(places, options, work, on_event)
    chosen = stages.chosen()
    stages.read_other_noise()
    with work.opened(options.identity(places)):
        stages.clock = Clock(work, options.minutes)
        try:
            return _adapted(stages, chosen, output, report)
        finally:
            with suppress(AdaptError):
                stages.clock.save()


def _check_output(output: Path, report: Path) -> None:
    if output.suffix.lower() != ".safetensors":
        raise UsageError(f"the model must be a .safetensors file, not {output.name}")
    if report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the report must be a .html file, not {report.name}")
    for path in (output, report):
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}; create it first")
        if path.is_dir():
            raise UsageError(f"{path} is a folder; give the name of a file")


def _adapted(stages: Stages, chosen: Chosen, output: Path, report: Path) -> AdaptResult:
    """All stages after the choice of photos."""
    options = stages.options
    stages.same_photos(chosen)
    count = f"{len(chosen.training)} photos for training, {len(chosen.aside)} set aside for the proof"
    stages.send(AdaptNote(f"{chosen.camera}: {count}"))
    profile, aside = (stages.profile(chosen.training, "profile"), stages.profile(chosen.aside, "aside"))
    images = stages.images(chosen, profile)
    measured = Measured(stages.work.path / "proof", options.device, options.features)
    failures = stages.check(profile)
    before = stages.before(chosen, aside, measured)
    if options.trains_degrader:
        train_degrader(stages, chosen, PROOF_MARGIN * before["seconds"])
    tuning = Tuning(stages)
    candidate = tuning.candidate(tuning.train(chosen, profile, before["seconds"]), chosen, profile)
    stages.stage("proof", "comparing the models on set-aside photos")
    results = measured.results(
        options.start, candidate, lambda _, done, total: stages.progress("proof", done, total)
    )
    verdict = compared(results, options.start, unspecific=varies(profile))
    stages.stage("report", "writing the report")
    stages.work.save(
        "proof",
        {
            "better": verdict.better,
            "reason": verdict.reason,
            "gains": [gain.content() for gain in verdict.gains],
        },
    )
    written = verdict.better or options.force
    facts = _facts(stages, chosen, images) | {"check of the profile": failures or "passed"}
    write_page(report, (profile, aside), results, verdict, facts, stages.work.path, written)
    if written:
        _write_model(output, candidate, tuning.header(chosen, profile), verdict)
    return AdaptResult(output if written else None, report, verdict, profile, stages.work.path)


def _facts(stages: Stages, chosen: Chosen, images: dict[str, Any]) -> dict[str, Any]:
    """Facts of the run, for the report."""
    options = stages.options
    return {
        "camera": chosen.camera,
        "training photos": len(chosen.training),
        "set-aside photos": len(chosen.aside),
        "HR images": images["images"],
        "starting model": options.start,
        "time": f"{stages.time.spent / 60:.1f} minutes of {options.minutes:g}",
        "blend": _blend(stages.work.load("choice") or {}, options.start),
        "degradation": described(stages),
    }


def _blend(choice: dict[str, Any], start: str) -> str:
    """The shares of the models in the result, as text."""
    tuned, toward = float(choice.get("share", 1)), float(choice.get("toward", 0))
    shares = {
        "the fine-tuned model": tuned * (1 - toward),
        start: (1 - tuned) * (1 - toward),
        str(choice.get("sibling")): toward,
    }
    return ", ".join(f"{share:.0%} {name}" for name, share in shares.items() if share)


def _write_model(output: Path, candidate: Path, header: dict[str, str], verdict: Verdict) -> None:
    """Write the model, with the gain in its header."""
    gained = {
        f"gain_{gain.metric.replace('-', '_')}": f"{gain.mean:.4g} ({gain.low:.4g} to {gain.high:.4g})"
        for gain in verdict.gains
    }
    save_model(output, load(candidate).network, header | gained)
