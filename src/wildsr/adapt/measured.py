"""Measures the models of the proof: the starting one, the adapted one, bicubic, and the other embedded ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wildsr.adapt.gain import Gain, Verdict, decide
from wildsr.adapt.images import Restore
from wildsr.adapt.proof import AFTER, BICUBIC, GENERAL, PAIRS, ProofPlan, gains, make_sets, measure
from wildsr.adapt.sources import clean_up_of, named
from wildsr.degradations.degradation import Degradation
from wildsr.degradations.methods.wild import Wild
from wildsr.degradations.profile import Profile
from wildsr.estimation.inventory import Photo
from wildsr.evaluation.candidates import Candidate
from wildsr.evaluation.datasets import EvaluationSet
from wildsr.evaluation.evaluate import OnStep
from wildsr.evaluation.results import Results
from wildsr.zoo.catalogue import find

_SPECIFIC = 0.7
"""For photos with nothing in common, the gain on general pairs must be below this share of the gain on their own."""


def proof_sets(
    photos: Sequence[Photo],
    profile: Profile,
    camera: Degradation,
    plan: ProofPlan,
    folder: Path,
    seed: int,
    restore: Callable[[], Restore] | None = None,
) -> list[EvaluationSet]:
    """The datasets of the proof, made of set-aside photos and their own profile."""
    return make_sets(named(photos), clean_up_of(profile, restore), camera, Wild(4), plan, folder, seed)


@dataclass
class Measured:
    """Measures models on the datasets of the proof."""

    folder: Path
    device: str
    features: Path | None
    sets: list[EvaluationSet] = field(default_factory=list)

    def results(self, start: str, adapted: Path | None, on_step: OnStep | None = None) -> Results:
        """Bicubic, the starting model, and the adapted one if there is one."""
        candidates = [Candidate(BICUBIC, None), Candidate(name_of(start), start)]
        if adapted is not None:
            candidates.append(Candidate(AFTER, str(adapted)))
        return measure(candidates, self.sets, self.folder, self.device, self.features, on_step)


def name_of(start: str) -> str:
    """Name of the starting model in tables."""
    return find(start)[0]


def compared(results: Results, start: str, *, unspecific: bool) -> Verdict:
    """The verdict. ``unspecific``: the photos have as little in common as photos of any origin."""
    name = name_of(start)
    found = gains(results, name, AFTER)
    verdict = decide(found, name)
    if not verdict.better or not unspecific:
        return verdict
    own, other = (_psnr(one) for one in (found, gains(results, name, AFTER, GENERAL)))
    if own is None or other is None or other.mean < _SPECIFIC * own.mean:
        return verdict
    reason = (
        "these photos differ from each other as much as photos of any origin, and the gain on them, "
        f"{own.text(unit='dB')}, is not larger than that on others, {other.text(unit='dB')}: they do not share "
        "the properties of one camera"
    )
    return replace(verdict, better=False, reason=reason)


def _psnr(found: Sequence[Gain]) -> Gain | None:
    return next((gain for gain in found if gain.metric == "psnr"), None)


__all__ = ["PAIRS", "Measured", "compared", "name_of", "proof_sets"]
