"""Options of a job: those of ``wildsr upscale`` that concern the result."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wildsr.image.errors import ImageError
from wildsr.image.formats import Size, check_limits, default_suffix, output_format
from wildsr.inference.sizing import OutputSize
from wildsr.web.problems import Problem, invalid
from wildsr.zoo.catalogue import ALIASES, ModelEntry, available

FormatName = Literal["jpg", "jpeg", "png", "webp", "tif", "tiff", "avif", "gif"]
MAX_SIDE = 1_000_000


class JobOptions(BaseModel):
    """Options of a job, as in ``wildsr upscale``; the size is given in one way at most."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    model: str = Field(default="", max_length=200, description="A name from /v1/models; empty: the default.")
    scale: float | None = Field(
        default=None, gt=0, le=64, description="How many times larger; by default the model's."
    )
    width: int | None = Field(default=None, gt=0, le=MAX_SIDE, description="Width of the result in pixels.")
    height: int | None = Field(default=None, gt=0, le=MAX_SIDE, description="Height of the result in pixels.")
    fit: Literal["inside", "outside", "crop", "stretch"] = Field(
        default="inside", description="How a width and a height are combined."
    )
    megapixels: float | None = Field(
        default=None, gt=0, le=100_000, description="Size in millions of pixels."
    )
    format: FormatName | None = Field(
        default=None, description="Format of the result; by default that of the image."
    )
    quality: int | None = Field(default=None, ge=1, le=100, description="Quality of lossy formats.")
    strength: float = Field(
        default=1.0, ge=0, le=1, description="Below 1: blends toward a resize, or toward `toward`."
    )
    toward: str | None = Field(
        default=None, max_length=200, description="Model that a lower strength blends toward."
    )
    ensemble: bool = Field(
        default=False, description="Average over eight flips and turns; eight times slower."
    )
    back_projection: float = Field(default=0.0, ge=0, le=1, description="Weight of one back-projection step.")
    tile: int | None = Field(
        default=None, ge=32, le=1024, description="Side of the largest tile in input pixels."
    )
    overlap: int | None = Field(
        default=None, ge=0, le=256, description="Overlap of the tiles in input pixels."
    )
    precision: Literal["auto", "exact", "half"] = Field(
        default="auto", description="exact computes in float32."
    )

    @property
    def wanted(self) -> OutputSize:
        """The requested size. Raises ``ValueError`` where two ways contradict each other."""
        return OutputSize(self.scale, self.width, self.height, self.fit, self.megapixels)


def parse_options(text: str | bytes | None) -> JobOptions:
    """Options from JSON; none for None or an empty text.

    Raises:
        Problem: 422 with one entry for each wrong value.
    """
    if not text or not text.strip():
        return JobOptions()
    try:
        options = JobOptions.model_validate_json(text)
        _ = options.wanted
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from error
    except ValueError as error:
        raise Problem(422, "invalid", str(error)) from error
    return options


def models() -> dict[str, ModelEntry]:
    """The models a job may name: embedded, fetched, and in the models folder of the service's user."""
    return {entry.name: entry for entry in available()}


def settle_models(options: JobOptions, default: str) -> JobOptions:
    """``options`` with names in place of aliases and of the default.

    Only names are accepted: a path would let a client read files of the server.

    Raises:
        Problem: 422 for a model that is not there.
    """
    settled = {}
    for field in ("model", "toward"):
        given = getattr(options, field) or (default if field == "model" else None)
        if given is not None:
            settled[field] = settled_name(given)
    return options.model_copy(update=settled)


def settled_name(given: str) -> str:
    """The name of a model that is here, in place of an alias. Raises a 422 Problem for any other."""
    known = models()
    name = ALIASES.get(given, given)
    if name not in known:
        listed = ", ".join(known)
        raise Problem(422, "unknown-model", f"There is no model named '{given}' here; there are: {listed}.")
    return name


def check_result(options: JobOptions, name: str, source: Size, most: int, scale: int | None) -> None:
    """Reject a result that could not be written, or has more than ``most`` pixels, before any work is done.

    ``name`` is that of the source. ``scale`` is that of the model, None where only loading it will tell.

    Raises:
        Problem: 413 for too many pixels, 422 for a format that cannot hold the result.
    """
    if scale is None and options.wanted == OutputSize(fit=options.fit):
        return
    target = options.wanted.resolve(source, scale or 1)
    for size in filter(None, (target.size, target.crop)):
        if size.width * size.height > most:
            raise Problem(
                413,
                "output-too-large",
                f"The result would have {size} pixels; this service writes at most {most / 1e6:g} million. "
                "Choose a smaller size.",
            )
    try:
        result = f"the result{result_suffix(options, name)}"
        form = output_format(result, options.format)
        # Whether transparency is really used is known only once it is decoded: an opaque channel fits a JPEG.
        check_limits(result, target.crop or target.size, form, alpha=False)
    except ImageError as error:
        raise Problem(422, "not-writable", str(error)) from error


def result_suffix(options: JobOptions, name: str) -> str:
    """The suffix of the result of an image named ``name``, as ``wildsr upscale`` chooses it."""
    return output_format("", options.format).suffixes[0] if options.format else default_suffix(name)


def result_label(options: JobOptions, scale: int | None) -> str:
    """The suffix of the name of a result: x4, x2.5 or upscaled."""
    if options.scale is not None:
        return f"x{options.scale:g}"
    if options.wanted != OutputSize(fit=options.fit) or not scale:
        return "upscaled"
    return f"x{scale}"
