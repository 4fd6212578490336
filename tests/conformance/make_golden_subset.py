"""Make the small set of golden numbers, tests/conformance/golden, from the full one: docs/conformance.md says why.

``python tests/conformance/make_golden_subset.py FULL`` writes the files and manifest.json. Values are never changed:
tensors are left out, which the metadata ``left_out`` then says, or cut to every n-th element, which ``sliced`` says.
Files are compressed with xz.
"""

import hashlib
import json
import lzma
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

TARGET = Path(__file__).parent / "golden"
STEP = r"(after3|delta64_1|delta64_3|grad1)\.(.+)"


@dataclass(frozen=True)
class Rule:
    """The part of a file that is kept.

    Attributes:
        keep: a regular expression that whole names of tensors match; None: all.
        drop: one of names that are left out again.
        most: of tensors whose names match, those with more values are left out.
        first: of tensors whose names match, only so many rows.
        thin: results of training steps are cut to every n-th row and column.
        edit: changes metadata, decoded from JSON where it is JSON.
    """

    keep: str | None = None
    drop: str | None = None
    most: dict[str, int] | None = None
    first: dict[str, int] | None = None
    thin: bool = False
    edit: Callable[[dict[str, Any]], None] | None = None


def first_of(key: str, count: int) -> Callable[[dict[str, Any]], None]:
    """Keep the first items of a list or mapping in the metadata."""

    def edit(metadata: dict[str, Any]) -> None:
        items = metadata[key]
        metadata[key] = dict(list(items.items())[:count]) if isinstance(items, dict) else items[:count]

    return edit


def filters(metadata: dict[str, Any]) -> None:
    """The first four configurations of the frequency filters."""
    first_of("low", 4)(metadata)
    first_of("high", 4)(metadata)


def sharpening(metadata: dict[str, Any]) -> None:
    """As many cases as are kept."""
    metadata["cases"] = metadata["cases"][:1]


STATE_OF_STEP = Rule(drop=r"output\..*", thin=True)
RULES: dict[str, Rule] = {
    # Networks
    "net_kernelgan": Rule(),
    "net_realsr_msrresnet_x2": Rule(drop=r"(input|output)\.0"),
    "net_dsgan_generator": Rule(drop=r"(input|output)\.0"),
    "net_kair_patchgan_d_spectral": Rule(drop=r"input\.0|output\.\w+\.0.*"),
    # Operations
    "filter_dsgan": Rule(drop=r"output\.(low|high|high255)\.(?![0-3]$)\d+", edit=filters),
    "filter_srrescgan": Rule(drop=r"output\.(low|high|high255)\.(?![0-3]$)\d+", edit=filters),
    "kernel_basicsr": Rule(),
    "kernel_kair_gaussian": Rule(),
    "kernel_kair_gen_kernel": Rule(),
    "kernel_kair_shift_pixel": Rule(drop=r"output\.k\.(?!0(\.sf[24].*)?$).*"),
    "kernel_kernelgan": Rule(),
    "op_augment_srrescgan": Rule(),
    "op_color_basicsr": Rule(),
    "op_color_realsr": Rule(),
    "op_diffjpeg": Rule(keep=r"input\.x|param\.q|output\.(round|diff)\.per_sample(\.grad)?"),
    "op_filter2d": Rule(keep=r"input\.x|param\.asym|output\.asym\..*"),
    "op_imresize_basicsr": Rule(drop=r"input\.2|output\.2\..*"),
    "op_imresize_realsr": Rule(drop=r"input\.2|output\.2\..*"),
    "op_imresize_rwsr": Rule(drop=r"input\.2|output\.2\..*"),
    "op_back_projection": Rule(),
    "op_kair_blur_mirror": Rule(),
    "op_kair_degradations": Rule(drop=r"output\.sf2\..*"),
    "op_kair_noise_jpeg": Rule(drop=r"output\.jpeg_q(30|50|95)"),
    "op_kernelgan_imresize": Rule(drop=r"output\.cubic\.s(?!0).*"),
    "op_l2proj_wmad": Rule(),
    "op_tensor2img": Rule(),
    "op_usm_basicsr": Rule(drop=r"output\.(torch|numpy)\.(?!r21).*|output\.numpy.*", edit=sharpening),
    # Losses, metrics, schedules
    "loss_dsgan": Rule(),
    "loss_kair": Rule(),
    "loss_kernelgan": Rule(),
    "loss_realsr": Rule(),
    "loss_srrescgan": Rule(),
    "metric_basicsr": Rule(),
    "metric_niqe": Rule(keep=r"input\.block|output\.feature\..*"),
    "sched_dsgan": Rule(),
    "sched_realsr": Rule(),
    "sched_kernelgan_learner": Rule(first={r"input\.loss_bicubic": 700, r"output\.rows": 700}),
    # Estimation
    "est_create_datasets": Rule(),
    "est_noise_dataset": Rule(),
    "est_noise_patch": Rule(keep=r"input\.small|output\.small_m50\..*"),
    # Training steps
    "step_realsr": Rule(drop=r"output\.(?!f32\.step1\.fake_H$).*", thin=True),
    "step_rwsredl": Rule(drop=r"output\..*", thin=True),
    "step_kair_gan_lsgan": Rule(drop=r"output\..*", thin=True),
    "step_kair_gan_ragan": STATE_OF_STEP,
    "step_kair_plain": STATE_OF_STEP,
    "step_srrescgan": STATE_OF_STEP,
    "step_kernelgan": Rule(drop=r"output\..*|after3\..*|grad1\..*"),
    "step_kernelgan_constraints": Rule(drop=r"output\..*|after3\..*|grad1\..*"),
    # DDNSR
    "ddnsr/layers": Rule(keep=r"conv/k\d_s\d_10x9/.*|rrdb_\w*_b3_beta0\.2/.*"),
    "ddnsr/losses": Rule(),
    "ddnsr/images/images": Rule(keep=r"clean_up/odd_b\.png/.*"),
    "ddnsr/train/esrgan_dual": Rule(drop=r"after1/.*|forward/hires_.*", most={r"(after3|grad1)/.*": 150}),
}


def main() -> None:
    """Write the small set."""
    full = Path(sys.argv[1])
    manifest: dict[str, Any] = {}
    for name, rule in RULES.items():
        source, target = full / f"{name}.safetensors", TARGET / f"{name}.safetensors.xz"
        with safe_open(source, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
        count = len(tensors)
        tensors, metadata = reduced(tensors, metadata, rule)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(lzma.compress(save(tensors, metadata), preset=9 | lzma.PRESET_EXTREME))
        manifest[f"{name}.safetensors.xz"] = {
            "sha256": digest(target),
            "bytes": target.stat().st_size,
            "tensors": len(tensors),
            "of": {"sha256": digest(source), "tensors": count},
        }
        print(f"{target.stat().st_size / 1000:8.0f} kB  {name}")
    (TARGET / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{sum(one['bytes'] for one in manifest.values()) / 1e6:8.3f} MB")


def reduced(
    tensors: dict[str, Tensor], metadata: dict[str, str], rule: Rule
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata that a rule keeps."""
    kept = {
        name: value
        for name, value in tensors.items()
        if (rule.keep is None or re.fullmatch(rule.keep, name))
        and not (rule.drop is not None and re.fullmatch(rule.drop, name))
    }
    for pattern, most in (rule.most or {}).items():
        kept = {
            name: value
            for name, value in kept.items()
            if value.numel() <= most or not re.fullmatch(pattern, name)
        }
    assert kept
    if left_out := len(tensors) - len(kept):
        metadata = metadata | {"left_out": f"{left_out} of {len(tensors)} tensors"}
    for pattern, count in (rule.first or {}).items():
        kept |= {name: value[:count].clone() for name, value in kept.items() if re.fullmatch(pattern, name)}
    if rule.edit is not None:
        decoded = {key: json.loads(text) for key, text in metadata.items() if text[:1] in "[{"}
        rule.edit(decoded)
        metadata = metadata | {key: json.dumps(value) for key, value in decoded.items()}
    if rule.thin:
        kept, metadata = thinned(kept, metadata)
    return kept, metadata


def thinned(tensors: dict[str, Tensor], metadata: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Results of training steps at every n-th row and column, on top of what the file has cut already."""
    sliced: dict[str, str] = json.loads(metadata.get("sliced", "{}"))
    found, cuts = {}, dict(sliced)
    for name, value in tensors.items():
        match = re.fullmatch(STEP, name)
        if match is None or value.ndim < 1 or value.numel() <= 64:
            found[name] = value
            continue
        before = [int(step or 1) for step in re.findall(r":(?::(\d+))?", sliced.get(match[2], ""))]
        before += [1] * (2 - len(before))
        steps = [math.ceil(size / 2) for size in value.shape[:2]]
        places = tuple(slice(None, None, step) for step in steps)
        found[name] = value[places].contiguous().clone()
        both = [old * new for old, new in zip(before, steps, strict=False)]
        cuts[match[2]] = f"[{', '.join(f'::{step}' for step in both)}]"
    return found, metadata | {"sliced": json.dumps(cuts)}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
