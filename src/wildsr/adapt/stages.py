"""The stages of an adaptation before its training; each is done once, also over several runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wildsr.adapt.choice import for_dots, write_pairs
from wildsr.adapt.degrader_recipes import degrader_file
from wildsr.adapt.errors import AdaptError
from wildsr.adapt.events import AdaptEvent, AdaptNote, AdaptProgress, AdaptStage, OnAdaptEvent
from wildsr.adapt.images import reflected, write_hr_images
from wildsr.adapt.measured import Measured, proof_sets
from wildsr.adapt.other_noise import joined, other_noise
from wildsr.adapt.proof import ProofPlan
from wildsr.adapt.request import GENERAL, LEARNED, NOISY, AdaptOptions
from wildsr.adapt.sources import Chosen, choose_photos, clean_up_of, named
from wildsr.adapt.training import HR_PATCH
from wildsr.adapt.work import Clock, WorkFolder
from wildsr.degradations.pools import NoisePool
from wildsr.degradations.profile import Profile, read_profile, write_profile
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.inventory import Photo, take_inventory
from wildsr.estimation.profile import estimate_profile
from wildsr.estimation.profile_check import check_profile
from wildsr.estimation.sources import find_sources
from wildsr.image import read_levels, write_rgb
from wildsr.image.reader import read_windows
from wildsr.recipes.config.degradations import (
    DegradationConfig,
    LearnedMixtureConfig,
    ProfileDegradationConfig,
)
from wildsr.storage.evenly import evenly

_PROFILE_SHARE, _PROFILE_SECONDS = 0.12, 90.0
"""Share of the time, and most seconds, for each of the two profiles."""
_IMAGES_SHARE = 0.15
_REFERENCES, _REFERENCE_SIDE = 40, 512
"""Most photos that a learned degradation imitates, and the side in pixels of the part that is used."""
_CHECKED, _CHECKED_SIDE = 10, 384
"""Number and least side in pixels of the HR images by which a profile is checked."""


@dataclass
class Stages:
    """An adaptation in progress: what it was asked for, its work folder and its time."""

    places: tuple[Path, ...]
    options: AdaptOptions
    work: WorkFolder
    on_event: OnAdaptEvent | None
    clock: Clock | None = None
    noise: NoisePool | None = None

    @property
    def time(self) -> Clock:
        """The time, once the work folder is open."""
        assert self.clock is not None
        return self.clock

    def send(self, event: AdaptEvent) -> None:
        """Pass an event to the callback."""
        if self.on_event is not None:
            self.on_event(event)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Report progress within a stage."""
        self.send(
            AdaptProgress(stage, done, total, None if self.clock is None else max(0.0, self.clock.left))
        )

    def stage(self, name: str, text: str, done: bool = False) -> None:
        """Begin a stage."""
        self.send(AdaptStage(name, text, done))
        self.time.save()

    def chosen(self) -> Chosen:
        """The photos; chosen again in every run, which is quick and shows whether they have changed."""
        self.send(AdaptStage("photos", "looking at the photos"))
        inventory = take_inventory(
            self.places,
            only=self.options.only,
            on_photo=lambda done, total: self.progress("photos", done, total),
        )
        chosen = choose_photos(inventory, self.options.only)
        for name, reason in inventory.problems:
            self.send(AdaptNote(f"not used: {name}: {reason}"))
        return chosen

    def read_other_noise(self) -> None:
        """Collect the noise patches of ``--noise-from``, before anything is stored that a wrong folder would spoil."""
        folder = self.options.noise_from
        if folder is not None and self.work.load("profile") is None:
            self.send(AdaptNote(f"reading the noise of {folder}"))
            self.noise = other_noise(folder, self._profile_seconds, self.options.seed)

    @property
    def _profile_seconds(self) -> float:
        return min(_PROFILE_SECONDS, _PROFILE_SHARE * 60 * self.options.minutes)

    def same_photos(self, chosen: Chosen) -> None:
        """Refuse to continue with other photos than those of the run."""
        content, known = chosen.content(), self.work.load("photos")
        if known is None:
            self.work.save("photos", content)
        elif known != content:
            raise AdaptError(
                f"the photos have changed since the run in {self.work.path} began; delete that folder to start "
                "again, or restore the photos to continue"
            )

    def profile(self, photos: Sequence[Photo], name: str) -> Profile:
        """The profile of photos, measured once."""
        folder = self.work.path / name
        text = "measuring blur, noise and compression" + (
            " of the set-aside photos" if name == "aside" else ""
        )
        if self.work.load(name) is not None:
            self.stage("profile", text, done=True)
            return read_profile(folder)
        self.stage("profile", text)
        kernels = self.options.method == "realsr" and name == "profile"
        profile = estimate_profile(
            photos,
            seconds=None if self.options.thorough else self._profile_seconds,
            thorough=kernels and self.options.thorough,
            quick_kernels=kernels,
            # KernelGAN needs operations that MPS lacks.
            device="cpu" if self.options.device == "mps" else self.options.device,
            seed=self.options.seed,
            on_progress=lambda done, total, _: self.progress("profile", done, total),
        )
        if name == "profile" and self.noise is not None:
            own = profile.noise_pool if self.options.method == "realsr" else None
            profile = replace(profile, noise_pool=joined(own, self.noise))
        write_profile(profile, folder)
        self.work.save(name, {"digest": profile.digest})
        return profile

    def images(self, chosen: Chosen, profile: Profile) -> dict[str, Any]:
        """HR images for training."""
        text = "preparing sharp images" if self.options.sharp is None else "reading sharp images"
        known = self.work.load("images")
        self.stage("images", text, done=known is not None)
        if known is None:
            sharp = self.options.sharp
            photos = (
                named(chosen.training) if sharp is None else [(s.name, s.path) for s in find_sources([sharp])]
            )
            own = clean_up_of(profile)
            made = write_hr_images(
                photos,
                None if sharp is not None else replace(own, noise=profile.noise.level(0.5)),
                self.work.path / "hr",
                HR_PATCH,
                seconds=_IMAGES_SHARE * self.time.budget,
                on_image=lambda done, total: self.progress("images", done, total),
            )
            if not made.images:
                raise AdaptError("none of the photos has any detail to learn from; add others")
            camera = self.degradation("profile").build(4)
            for clean, folder in ((own, "choice"), (for_dots(profile), "choice-dots")):
                write_pairs(photos, clean, camera, self.work.path / folder, self.options.seed)
            known = {"images": made.images, "photos": made.photos, "left_out": list(made.left_out)}
            self.work.save("images", known)
        for reason in known["left_out"]:
            self.send(AdaptNote(f"not used: {reason}"))
        return known

    def degradation(self, name: str, general: float = 0.0) -> ProfileDegradationConfig:
        """The degradation of a profile."""
        path = self.work.path / name / "profile.json"
        profile = read_profile(path)
        realsr = 1.0 if self.options.method == "realsr" and name == "profile" else 0.0
        patches = realsr or (NOISY if self.options.noise_from is not None and name == "profile" else 0.0)
        return ProfileDegradationConfig(
            path=path,
            general=general,
            patches=patches if profile.noise_pool is not None else 0.0,
            kernels=realsr if profile.kernel_pool is not None else 0.0,
            uncertain=True,
        )

    def training_degradation(self, chosen: Chosen) -> DegradationConfig:
        """The degradation of the training: that of the profile, or a trained network; and the general mixture."""
        options = self.options
        if options.method not in LEARNED:
            return self.degradation("profile", GENERAL)
        model = options.degrader or str(degrader_file(self.degrader_folder, options.method))
        references = self.references(chosen) if options.method == "ddnsr" else None
        noisy = options.noise_from is not None
        return LearnedMixtureConfig(
            model=model,
            references=references,
            general=GENERAL,
            profile=self.work.path / "profile" if noisy else None,
            patches=NOISY if noisy else 0,
        )

    @property
    def degrader_folder(self) -> Path:
        """Folder of the run that trains the network that degrades."""
        return self.work.path / "degrader"

    def references(self, chosen: Chosen) -> Path:
        """A folder with the central parts of photos for training, whose look a learned degradation imitates."""
        references = self.work.path / "references"
        if self.work.load("references") is None:
            references.mkdir(parents=True, exist_ok=True)
            for number, photo in enumerate(evenly(chosen.training, _REFERENCES)):
                window = read_windows(photo.path, side=_REFERENCE_SIDE, most=1)[0]
                write_rgb(references / f"{number:03d}.png", window.unsqueeze(0).float() / 255)
            self.work.save("references", {"images": number + 1})
        return references

    def check(self, profile: Profile) -> list[str]:
        """Properties that differ when HR images degraded by the profile are measured again; empty if none does."""
        known = self.work.load("check")
        if known is None:
            paths = sorted((self.work.path / "hr").glob("*.png"))
            clean = [
                reflected(read_levels(path).float() / 255, _CHECKED_SIDE)[0]
                for path in evenly(paths, _CHECKED)
            ]
            try:
                failures = list(check_profile(profile, clean, seed=self.options.seed).failures)
            except EstimationError as error:
                failures = [str(error)]
            known = {"failures": failures}
            self.work.save("check", known)
        for failure in known["failures"]:
            self.send(AdaptNote(f"the profile describes these photos less well than it should: {failure}"))
        return list(known["failures"])

    def before(self, chosen: Chosen, aside: Profile, measured: Measured) -> dict[str, Any]:
        """The pairs of the proof, and the starting model on them, which also shows how long the proof will take."""
        plan = ProofPlan.within(self.options.minutes, len(chosen.aside))
        camera = self.degradation("aside").build(4)
        measured.sets = proof_sets(chosen.aside, aside, camera, plan, measured.folder, self.options.seed)
        known = self.work.load("before")
        self.stage("before", "measuring the starting model", done=known is not None)
        if known is None:
            began = self.time.spent
            measured.results(
                self.options.start, None, lambda _, done, total: self.progress("before", done, total)
            )
            known = {"seconds": self.time.spent - began}
            self.work.save("before", known)
        return known
