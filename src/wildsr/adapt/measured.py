"""Measures the models of the proof: the starting one, the adapted one, bicubic, and the other embedded ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wildsr.adapt.gain import Verdict, decide
from wildsr.adapt.proof import AFTER, BICUBIC, PAIRS, ProofPlan, gains, make_sets, measure
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


def proof_sets(
    photos: Sequence[Photo],
    profile: Profile,
    camera: Degradation,
    plan: ProofPlan,
    folder: Path,
    seed: int,
) -> list[EvaluationSet]:
    """The datasets of the proof, made of set-aside photos and their own profile."""
    return make_sets(named(photos), clean_up_of(profile), camera, Wild(4), plan, folder, seed)


@dataclass
class Measured:
    """Measures models on the datasets of the proof."""

    folder: Path
    device: str
    features: Path | None
    sets: list[EvaluationSet] = field(default_factory=list)

    def results(self, start: str, adapted: Path | None, on_step: OnStep | None = None) -> Results:
        """Bicubic, the starting model, and the adapted one if there is one."""
        candidates = [Candidate(BICUBIC, None), Candidate(model_name(start), start)]
        if adapted is not None:
            candidates.append(Candidate(AFTER, str(adapted)))
        return measure(candidates, self.sets, self.folder, self.device, self.features, on_step)


def model_name(start: str) -> str:
    """Name of the starting model in tables."""
    return find(start)[0]


def compared(results: Results, start: str, *, unspecific: bool) -> Verdict:
    """The verdict for photos that, if ``unspecific``, have as little in common as photos of any origin.

    For these the gain proves nothing: their profile describes an average that none of them has.
    """
    name = model_name(start)
    verdict = decide(gains(results, name, AFTER), name)
    if not verdict.better or not unspecific:
        return verdict
    reason = (
        "blur, noise or compression of these photos differ as much as those of photos of any origin, for which "
        f"{name} was made: they do not share the properties of one camera"
    )
    return replace(verdict, better=False, reason=reason)


__all__ = ["PAIRS", "Measured", "compared", "model_name", "proof_sets"]
