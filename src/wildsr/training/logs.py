"""Logs of a run: lines of JSON, curves for TensorBoard, and sample images."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from wildsr.image import write_rgb
from wildsr.storage.paths import join_untrusted
from wildsr.training.errors import TrainingError
from wildsr.training.settings import Run
from wildsr.training.state_files import write_whole

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Logs:
    """``log.jsonl``, ``tensorboard/`` and ``samples/`` in the folder of a run, from ``step`` on.

    Lines about later steps, which are now repeated, are removed.
    """

    def __init__(self, run: Run, step: int, tensorboard: bool) -> None:
        self.folder = run.folder
        self._path = run.folder / "log.jsonl"
        self._tensorboard = tensorboard
        self._writer: SummaryWriter | None = None
        self.rewind(step)

    def rewind(self, step: int) -> None:
        """Continue from ``step``; lines about later steps are removed."""
        if self._path.exists():
            lines = self._path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if _step(line) <= step]
            if len(kept) < len(lines):
                write_whole(self._path, lambda file: file.write("".join(kept).encode()))
        if self._tensorboard:
            self.close()
            self._writer = _summary_writer(self.folder / "tensorboard", step + 1)

    def line(self, step: int, values: Mapping[str, float | str]) -> None:
        """Write the numbers, or a text, of a step. Raises ``OSError``."""
        rounded = {name: _plain(value) for name, value in values.items()}
        with self._path.open("a") as log:
            log.write(json.dumps({"step": step, **rounded}) + "\n")
        if self._writer is None:
            return
        try:
            for name, value in values.items():
                if isinstance(value, str):
                    self._writer.add_text(name, value, step)
                else:
                    self._writer.add_scalar(name, value, step)
        except OSError:
            self._writer = None  # its thread has ended, and would raise for every further value
            raise

    def images(self, step: int, images: Mapping[str, Tensor]) -> None:
        """Write images (3, H, W) in [0, 1], into a folder for each name.

        Names that lead out of the folder of samples are left out.

        Raises ``OSError`` or ``ImageError``.
        """
        for name, image in images.items():
            try:
                folder = join_untrusted(self.folder / "samples", name)
            except ValueError:  # a name in an untrusted store
                continue
            folder.mkdir(parents=True, exist_ok=True)
            shown = image.detach().float().cpu().clamp(0, 1)
            write_rgb(folder / f"step-{step:08d}.png", shown.unsqueeze(0))
            if self._writer is not None:
                self._writer.add_image(name, shown, step)

    def close(self) -> None:
        """Flush and close TensorBoard's file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(OSError):
                writer.close()


def _plain(value: float | str) -> float | str | None:
    """Seven digits; None for values that JSON has no number for, such as the PSNR of equal images."""
    if isinstance(value, str):
        return value
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _step(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return 1 << 62  # the machine crashed while this line was written


def _summary_writer(folder: Path, first_step: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError("TensorBoard is missing; run: pip install 'wildsr[train]'") from error
    return SummaryWriter(str(folder), purge_step=first_step)
