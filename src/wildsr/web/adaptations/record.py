"""An adaptation: its options, its record on the disk, and what the API shows of it."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wildsr.web.jobs import State, StoredRecord, time_text
from wildsr.web.problems import invalid

MOST_MINUTES = 24 * 60
_MOST_POINTS = 240
"""Points of a curve above which every other one is dropped."""
Point = tuple[int, float]
_Options = TypeVar("_Options", bound=BaseModel)


class AdaptationOptions(BaseModel):
    """Options of an adaptation, as in ``wildsr adapt``."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    minutes: float = Field(
        default=20.0, gt=0, le=MOST_MINUTES, description="Time for everything, including the proof."
    )
    faithful: bool = Field(
        default=False, description="Start from the model that adds no invented detail, and train for PSNR."
    )
    thorough: bool = Field(default=False, description="Measure all photos, however long that takes.")
    only: str | None = Field(
        default=None, max_length=200, description="Use only the photos of this camera, 'make model'."
    )
    force: bool = Field(default=False, description="Write the model even if it is not certainly better.")
    model: str | None = Field(
        default=None, max_length=200, description="Model to start from, a name from /v1/models."
    )
    method: Literal["profile", "realsr"] = Field(
        default="profile", description="How LR images are made: by measured numbers, or RealSR's pools."
    )


class AdaptationChanges(BaseModel):
    """Options that may be changed when an adaptation is run again; those that are missing stay."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    minutes: float | None = Field(
        default=None, gt=0, le=MOST_MINUTES, description="Time in all; more of it continues the training."
    )
    force: bool | None = Field(
        default=None, description="Write the model even if it is not certainly better."
    )
    only: str | None = Field(
        default=None, max_length=200, description="Use only the photos of this camera; starts from scratch."
    )


def parse_adaptation_options(text: str | bytes | None) -> AdaptationOptions:
    """Options from JSON; the defaults for None or an empty text. Raises a 422 Problem."""
    return _parsed(AdaptationOptions, text)


def parse_changes(text: bytes) -> AdaptationChanges:
    """Changes from JSON; none for an empty text. Raises a 422 Problem."""
    return _parsed(AdaptationChanges, text)


def _parsed(kind: type[_Options], text: str | bytes | None) -> _Options:
    if not text or not text.strip():
        return kind()
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from error


@dataclass(kw_only=True)
class AdaptationRecord(StoredRecord):
    """Everything that is kept about an adaptation.

    Attributes:
        photos, sharp: number of files in the folders of that name.
        photo_bytes: bytes of both.
        left_out: names of uploaded files that were not taken, with the reasons.
        stage: name and text of the stage, and whether an earlier run has done it.
        progress: (done, total, seconds left) within the stage.
        losses: by name, points (step, value).
        gain: points (step, PSNR in dB above that of the starting model).
        samples: step and path within the folder, of sample images.
        camera: that the model is for, once known; ``cameras`` counts the photos of each where there are several.
        outcome: verdict, gains, and whether there is a model, once it has finished.
        installed: name in the models folder.
    """

    photos: int
    sharp: int
    photo_bytes: int
    left_out: list[str] = field(default_factory=list)
    stage: dict[str, Any] = field(default_factory=dict)
    progress: list[float | None] | None = None
    losses: dict[str, list[Point]] = field(default_factory=dict)
    gain: list[Point] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)
    camera: str | None = None
    cameras: dict[str, int] = field(default_factory=dict)
    outcome: dict[str, Any] | None = None
    installed: str | None = None


def add_point(points: list[Point], step: int, value: float) -> None:
    """Add to a curve; points of a run that was repeated from an earlier step are replaced."""
    while points and points[-1][0] >= step:
        points.pop()
    points.append((step, value))
    if len(points) > _MOST_POINTS:
        del points[1:-1:2]


class StageView(BaseModel):
    """The stage of a running adaptation: one of photos, profile, images, before, training, proof, report."""

    name: str
    text: str
    done: int | None
    total: int | None
    seconds_left: float | None = Field(description="Of the whole adaptation.")


class CurvesView(BaseModel):
    """Curves of the training, as points (step, value)."""

    losses: dict[str, list[Point]]
    gain: list[Point] = Field(description="PSNR in dB above that of the starting model, on a few pairs.")


class GainView(BaseModel):
    """Difference of a metric between the adapted model and the starting one, with its 95 % interval."""

    metric: str
    mean: float
    low: float | None
    high: float | None
    before: float
    after: float
    photos: int
    higher_is_better: bool


class OutcomeView(BaseModel):
    """Result of a finished adaptation."""

    better: bool
    reason: str
    model_written: bool
    gains: list[GainView]


class AdaptationView(BaseModel):
    """An adaptation as the API shows it. Times are RFC 3339 in UTC."""

    id: str
    state: State
    options: AdaptationOptions
    photos: int
    sharp: int
    bytes: int
    left_out: list[str]
    created: str
    started: str | None
    ended: str | None
    expires: str | None
    position: int | None
    stage: StageView | None
    curves: CurvesView
    samples: list[int] = Field(description="Training steps of the sample images.")
    notes: list[str]
    camera: str | None
    cameras: dict[str, int] = Field(description="Number of photos by camera, where there are several.")
    outcome: OutcomeView | None
    installed: str | None = Field(description="Name of the model in /v1/models, once it was installed.")
    reason: str | None
    links: dict[str, str]


def view_of(record: AdaptationRecord, keep: float, position: int | None) -> AdaptationView:
    """The representation of an adaptation in the API."""
    base = f"/v1/adaptations/{record.id}"
    links = {"self": base, "events": f"{base}/events"}
    outcome = None
    if record.outcome is not None:
        outcome = OutcomeView.model_validate(
            {name: record.outcome[name] for name in OutcomeView.model_fields}, strict=False
        )
        links["report"] = f"{base}/report"
        if outcome.model_written:
            links["result"] = f"{base}/result"
    return AdaptationView(
        id=record.id,
        state=record.state,
        options=AdaptationOptions(**record.options),
        photos=record.photos,
        sharp=record.sharp,
        bytes=record.photo_bytes,
        left_out=record.left_out,
        created=time_text(record.created) or "",
        started=time_text(record.started),
        ended=time_text(record.ended),
        expires=time_text(record.ended + keep) if record.ended is not None else None,
        position=position,
        stage=_stage(record),
        curves=CurvesView(losses=record.losses, gain=record.gain),
        samples=[step for step, _ in record.samples],
        notes=record.notes,
        camera=record.camera,
        cameras=record.cameras,
        outcome=outcome,
        installed=record.installed,
        reason=record.reason,
        links=links,
    )


def _stage(record: AdaptationRecord) -> StageView | None:
    if record.state != "running" or not record.stage:
        return None
    done, total, left = record.progress or (None, None, None)
    return StageView(
        name=record.stage["name"],
        text=record.stage["text"],
        done=None if done is None else int(done),
        total=None if total is None else int(total),
        seconds_left=left,
    )
