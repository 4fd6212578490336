"""The training of an adaptation, and the choice of the model that comes out of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from wildsr.adapt.choice import best_mix, measure_mixes
from wildsr.adapt.degrader import described
from wildsr.adapt.events import AdaptNote, AdaptPreview, AdaptProgress, AdaptValidated
from wildsr.adapt.request import AdaptOptions
from wildsr.adapt.sources import Chosen
from wildsr.adapt.stages import Stages
from wildsr.adapt.training import (
    NAME,
    Pace,
    adaptable,
    adaptation_recipe,
    measure_pace,
    train_by_clock,
    with_validation,
)
from wildsr.degradations.profile import Profile
from wildsr.recipes.run import Built, build
from wildsr.training.events import Event, TrainingNote, TrainingProgress, Validated
from wildsr.training.export import save_model
from wildsr.zoo.catalogue import find
from wildsr.zoo.load import load

_LEAST_TRAINING = 0.4
"""Share of the time that training gets in any case."""
PROOF_MARGIN = 1.6
"""The proof takes about this many times as long as measuring the starting model did."""


@dataclass
class Tuning:
    """Fine-tunes, and blends the result with the starting model."""

    stages: Stages

    def train(self, chosen: Chosen, profile: Profile, proof_seconds: float) -> Path:
        """Fine-tune for the time that is left; a finished training goes on if there are more minutes now."""
        folder = self.stages.work.path / "run"
        known = self.stages.work.load("trained") or {}
        options = self.stages.options
        if known and _enough(known, options):
            self.stages.stage("training", "training", done=True)
            return folder / f"{NAME}.safetensors"
        self.stages.stage("training", "training")
        recipe = adaptation_recipe(
            self.stages.options.start,
            adaptable(self.stages.options.start),
            self.stages.work.path / "hr",
            self.stages.training_degradation(chosen),
            blur=profile.blur.wide,
            faithful=self.stages.options.faithful,
            full=self.stages.options.full,
            seed=self.stages.options.seed,
            features=self.stages.options.features,
        )
        built = build(with_validation(recipe, self.stages.work.path / "choice"), self.stages.options.features)
        pace = measure_pace(built, self.stages.options.device)
        trained = float((self.stages.work.load("training") or {}).get("seconds", 0.0))
        least = _LEAST_TRAINING * self.stages.time.budget
        seconds = max(self.stages.time.left + trained - PROOF_MARGIN * proof_seconds, least)
        steps = options.steps
        total = round(seconds / pace.seconds) if steps is None else steps
        self.stages.send(AdaptNote(_expected(pace, seconds, trained, steps)))
        start = _starting_psnr(built)
        if start is not None and not trained:
            self.stages.send(AdaptValidated(0, start, start))
        model = train_by_clock(
            built, folder, pace, seconds, trained, self.stages.options.device,
            steps=steps,
            on_event=lambda event: self._trained_event(event, total, start),
            on_problem=lambda problem: self.stages.send(AdaptNote(f"not used: {problem}")),
            on_time=self._save_time,
        )  # fmt: skip
        self.stages.work.save("trained", {"pace": pace.seconds, "minutes": options.minutes, "steps": steps})
        return model

    def _save_time(self, trained: float) -> None:
        """Store the seconds of training and the time in all, so that a run that is killed keeps to its minutes."""
        self.stages.work.save("training", {"seconds": round(trained, 3)})
        self.stages.time.save()

    def _trained_event(self, event: Event, total: int, start: float | None) -> None:
        match event:
            case TrainingProgress():
                self.stages.send(
                    AdaptProgress(
                        "training",
                        event.step,
                        max(total, event.step),
                        max(0.0, self.stages.time.left),
                        event.losses,
                    )
                )
            case Validated():
                if start is not None and "psnr" in event.metrics:
                    self.stages.send(AdaptValidated(event.step, event.metrics["psnr"], start))
                samples = self.stages.work.path / "run" / "samples"
                for path in sorted(samples.glob(f"*/step-{event.step:08d}.png")):
                    self.stages.send(AdaptPreview(event.step, path))
            case TrainingNote():
                self.stages.send(AdaptNote(event.text))
            case _:
                pass

    def candidate(self, tuned: Path, chosen: Chosen, profile: Profile) -> Path:
        """The blend of the fine-tuned model with others that is best on pairs of the training photos."""
        path = self.stages.work.path / "candidate.safetensors"
        trained = self.stages.work.load("trained") or {}
        length = {"minutes": trained.get("minutes"), "steps": trained.get("steps")}
        known = self.stages.work.load("choice") or {}
        if {key: known.get(key) for key in length} != length or not path.is_file():
            options = self.stages.options
            start, model = load(options.start), load(tuned)
            sibling = None if options.sibling is None else load(options.sibling)
            folders = (self.stages.work.path / "choice", self.stages.work.path / "choice-dots")
            mixes = measure_mixes(start, model, sibling, folders, options.faithful, options.features)
            mix = best_mix(mixes)
            save_model(path, mix.of(start, model, sibling).network, self.header(chosen, profile))
            found = {"share": f"{mix.tuned:g}", "toward": f"{mix.toward:g}", "sibling": options.sibling}
            self.stages.work.save("choice", {**found, "mixes": [asdict(one) for one in mixes], **length})
        return path

    def header(self, chosen: Chosen, profile: Profile) -> dict[str, str]:
        """The metadata of the model, without its gain."""
        name, _, _ = find(self.stages.options.start)
        first = load(self.stages.options.start).contract
        tuned = load(self.stages.work.path / "run" / f"{NAME}.safetensors").contract
        return {
            "licence": first.licence,
            "source": f"{name}, fine-tuned by `wildsr adapt` on {len(chosen.training)} photos",
            "good_at": f"photos of this camera: {chosen.camera}",
            "trained_on": ", ".join(dict.fromkeys((*first.trained_on, *tuned.trained_on))),
            "profile_sha256": profile.digest,
            "degradation": described(self.stages),
            "photos": str(len(chosen.training)),
            "photos_set_aside": str(len(chosen.aside)),
        }


def _enough(known: Mapping[str, Any], options: AdaptOptions) -> bool:
    """Whether a finished training was as long as this one is to be."""
    steps = known.get("steps")
    if options.steps is not None:
        return (steps or 0) >= options.steps
    return steps is None and options.minutes <= float(known.get("minutes", 0))


def _expected(pace: Pace, seconds: float, trained: float, steps: int | None) -> str:
    """Announces the length of the training."""
    if steps is not None:
        return f"{steps} steps of {pace.seconds:.2f} s, about {steps * pace.seconds / 60:.1f} minutes"
    left = max(1, round((seconds - trained) / pace.seconds))
    return f"{pace.seconds:.2f} s per step, so about {left} steps in {seconds / 60:.1f} minutes"


def _starting_psnr(built: Built) -> float | None:
    """PSNR of the network before its first step, on the pairs of the validation; None if there are none."""
    if built.validate is None:
        return None
    network = built.objective.networks["generator"]
    mode = network.training
    with torch.no_grad():
        found = built.validate(network.eval()).metrics.get("psnr")
    network.train(mode)
    return found
