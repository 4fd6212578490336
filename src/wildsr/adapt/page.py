"""The report of an adaptation: the verdict, the camera, the training, and the evaluation, as one HTML file."""

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wildsr.adapt.degrader_page import degrader_sections
from wildsr.adapt.errors import AdaptError
from wildsr.adapt.gain import Gain, Verdict
from wildsr.adapt.plots import line_chart, loss_charts
from wildsr.degradations.profile import Profile
from wildsr.estimation.inventory import UNKNOWN
from wildsr.evaluation.report import Section, write_report
from wildsr.evaluation.report.scenes import data_uri
from wildsr.evaluation.report.tables import facts as facts_list
from wildsr.evaluation.results import Results
from wildsr.image import quantize
from wildsr.ops.kernels import gaussian_kernel

_LEAST_SIGMA = 0.05
_SHOWN_PHOTOS, _SHOWN_KERNELS = 200, 8


def write_page(
    path: Path,
    profiles: tuple[Profile, Profile],
    results: Results,
    verdict: Verdict,
    facts: Mapping[str, Any],
    work: Path,
    written: bool,
) -> None:
    """Write the report.

    Args:
        path: of the file.
        profiles: of the training photos and of the set-aside ones.
        results: of the proof.
        verdict: about them.
        facts: about the run, by name.
        work: the work folder, for the curves of the training.
        written: whether the model was written.

    Raises:
        AdaptError: it cannot be written.
    """
    sections = [
        Section("verdict", "Result", _verdict(results, verdict, facts, written)),
        Section("camera", "Your camera", _camera(*profiles, facts["check of the profile"])),
        *degrader_sections(work),
        Section("training", "Training", loss_charts(work / "run" / "log.jsonl")),
    ]
    start = results.methods[1]
    try:
        write_report(
            results, path, against=start, images=16, title=_title(str(facts["camera"])), first=sections
        )
    except OSError as error:
        raise AdaptError(
            f"{path} cannot be written ({error.strerror or error}); make room on the disk or name another file with "
            "--report, then repeat the command: only the report is missing"
        ) from error


def _title(camera: str) -> str:
    return "A model for your camera" if camera == UNKNOWN else f"A model for {camera}"


def _verdict(results: Results, verdict: Verdict, facts: Mapping[str, Any], written: bool) -> str:
    if verdict.better:
        headline = f"The adapted model is better on photos of this camera. {verdict.reason}."
    else:
        headline = f"No clear improvement: {verdict.reason}."
        headline += " The model was written because of --force." if written else " No model was written."
    remarks = "".join(f"<p>{escape(remark)}.</p>" for remark in verdict.remarks)
    metrics = {metric.name: metric for metric in results.metrics}
    rows = "".join(
        _gain_row(gain, metrics[gain.metric].label, metrics[gain.metric].digits) for gain in verdict.gains
    )
    note = (
        "Differences between the adapted model and the one it started from, on pairs made from photos that were held "
        "out before anything was measured, degraded by a profile measured in these photos alone. Intervals are 95 %, "
        "Student's over photos. Such pairs are a simulation; the real photos are further below, without a reference."
    )
    return (
        f'<p><strong>{escape(headline)}</strong></p>{remarks}<div class="scroll"><table><thead><tr><th>Metric</th>'
        '<th class="n">Before</th><th class="n">Adapted</th><th class="n">Difference</th><th class="n">Photos</th></tr>'
        f'</thead><tbody>{rows}</tbody></table></div><p class="note">{escape(note)}</p>'
        f"<details><summary>Facts of this run</summary>{facts_list(facts)}</details>"
    )


def _gain_row(gain: Gain, label: str, digits: int) -> str:
    kind = "ahead" if gain.better else "behind" if gain.worse else ""
    interval = (
        "" if math.isinf(gain.low) else f" <small>[{gain.low:+.{digits}f}, {gain.high:+.{digits}f}]</small>"
    )
    arrow = "↑" if gain.higher_is_better else "↓"
    return (
        f'<tr><th scope="row">{escape(label)} {arrow}</th><td class="n">{gain.before:.{digits}f}</td>'
        f'<td class="n">{gain.after:.{digits}f}</td><td class="n {kind}">{gain.mean:+.{digits}f}{interval}</td>'
        f'<td class="n">{gain.photos}</td></tr>'
    )


def _camera(profile: Profile, aside: Profile, check: Any) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(mine)}</td><td>{escape(other)}</td></tr>'
        for (name, mine), (_, other) in zip(_numbers(profile), _numbers(aside), strict=True)
    )
    charts = "".join((_kernel(profile), _noise(profile, aside), _photos(profile)))
    note = (
        "Measured once in the photos for training and once, independently, in the set-aside ones. Sigmas are in pixels "
        "of the photos, beyond the blur of downscaling itself; noise is in levels of 8 bits, before compression."
    )
    return (
        '<div class="scroll"><table><thead><tr><th></th><th>Training photos</th><th>Set-aside photos</th></tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="note">{escape(note)}</p><div class="charts">{charts}</div>'
        f"<details><summary>Check: HR images degraded by this profile, and measured again</summary>{facts_list(check)}"
        f"{facts_list(_checked(profile))}</details>"
    )


def _checked(profile: Profile) -> list[str]:
    return [
        f"{one.name}: {one.photos:.2f} in the photos, {one.again:.2f} in downscaled photos degraded by the profile"
        for one in profile.check
    ]


def _numbers(profile: Profile) -> list[tuple[str, str]]:
    blur, noise, sharp = profile.blur, profile.noise, profile.sharpening
    settings = ", ".join(
        f"quality {one.quality} {one.subsampling} ({one.share:.0%})"
        for one in sorted(profile.compression.settings, key=lambda one: -one.share)[:5]
    )
    return [
        ("Photos", str(len(profile.photos))),
        ("Blur, wide axis", f"{blur.wide:.2f} ± {blur.wide_error:.2f}"),
        ("Blur, narrow axis", f"{blur.narrow:.2f} ± {blur.narrow_error:.2f}"),
        ("Angle", f"{math.degrees(blur.angle):.0f}° ± {math.degrees(blur.angle_error):.0f}°"),
        ("Spread of the blur", f"{blur.spread:.2f} (standard deviation of its logarithm)"),
        (
            "Noise, dark / middle / bright",
            " / ".join(f"{noise.level(value):.1f}" for value in (0.1, 0.5, 0.9)),
        ),
        ("Correlation of the noise", f"{noise.correlation:.2f} pixels"),
        ("Sharpening", f"{sharp.strength:.2f} ± {sharp.error:.2f}, radius {sharp.radius:.1f}"),
        ("JPEG", settings or "none"),
    ]


def _kernel(profile: Profile) -> str:
    blur = profile.blur
    reach = max(3, math.ceil(3 * blur.wide))
    kernel = gaussian_kernel(
        2 * reach + 1, max(blur.wide, _LEAST_SIGMA), max(blur.narrow, _LEAST_SIGMA), blur.angle
    )
    name = f"Blur kernel, {len(kernel)}×{len(kernel)} pixels of a photo (square root)"
    figures = [_picture(name, (kernel / kernel.max()).sqrt())]
    if profile.kernel_pool is not None:
        kernels = profile.kernel_pool.kernels[:_SHOWN_KERNELS]
        sheet = torch.cat([(one / one.max()).clamp(0, 1).sqrt() for one in kernels], dim=-1)
        figures.append(_picture("KernelGAN's kernels (square root)", sheet))
    return "".join(figures)


def _picture(name: str, plane: Tensor) -> str:
    """A plane (H, W) in [0, 1] as an enlarged image."""
    source = data_uri(quantize(plane.expand(1, 3, -1, -1)), lossless=True)
    style = "width:100%;max-width:210px;image-rendering:pixelated"
    return (
        f'<figure class="card"><figcaption>{escape(name)}</figcaption>'
        f'<img alt="{escape(name)}" style="{style}" src="{source}"></figure>'
    )


def _noise(profile: Profile, aside: Profile) -> str:
    places = [index / 20 for index in range(21)]
    lines, dots = {}, {}
    for label, one in (("training photos", profile), ("set-aside photos", aside)):
        lines[label] = [(value, one.noise.level(value)) for value in places]
        dots[label] = [(value, level) for value, level, *_ in one.noise.curve]
    return line_chart(
        lines, "Noise by brightness, in levels (dots: measured after compression)", "brightness", dots
    )


def _photos(profile: Profile) -> str:
    """Blur of each photo, so that outliers can be seen."""
    shown = [photo for photo in profile.photos if photo.edges][:_SHOWN_PHOTOS]
    points = {
        "wide": [(float(index), photo.wide) for index, photo in enumerate(shown, 1)],
        "narrow": [(float(index), photo.narrow) for index, photo in enumerate(shown, 1)],
    }
    return line_chart({}, "Blur of each photo, in pixels", "photo", points) if shown else ""
