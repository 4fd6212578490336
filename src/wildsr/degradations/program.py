"""Checks programs of steps and runs them on batches."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from wildsr.degradations.degradation import DegradationError, Parameters
from wildsr.degradations.fields import read_fields
from wildsr.degradations.steps.builtin import STEPS, StepKind

_MOST_STEPS = 1000


class ProgramStep(NamedTuple):
    """One checked step of a program."""

    kind: StepKind
    step: Any
    where: str


def read_program(parameters: Parameters) -> list[ProgramStep]:
    """Check the steps of {"steps": [...]}; other keys are ignored.

    Raises:
        DegradationError: a step is wrong; the message says which, and how.
    """
    lines = parameters.get("steps")
    if not isinstance(lines, list):
        raise DegradationError('these are not the parameters of a degradation in steps: no list "steps"')
    if len(lines) > _MOST_STEPS:
        raise DegradationError(
            f"{len(lines)} steps are more than {_MOST_STEPS}; these are not parameters of wildsr"
        )
    return [_line(index, content) for index, content in enumerate(lines, 1)]


def _line(index: int, content: object) -> ProgramStep:
    if not isinstance(content, dict) or not isinstance(content.get("step"), str):
        raise DegradationError(f'step {index}: needs "step", one of {", ".join(STEPS)}')
    name = content["step"]
    if name not in STEPS:
        raise DegradationError(f"step {index}: there is no step '{name}'; there are {', '.join(STEPS)}")
    where = f"step {index} ({name})"
    fields = {key: value for key, value in content.items() if key != "step"}
    return ProgramStep(STEPS[name], read_fields(STEPS[name].parameters, fields, where), where)


def run_steps(images: Tensor, programs: Sequence[Parameters], clamp: bool = True) -> Tensor:
    """Run a program on each image of (B, 3, H, W) in [0, 1]; all results must have the same size.

    On a CPU images are processed one by one, which keeps them in the cache. On other devices images of the same size
    with the same next step are batched. In both cases the result for an image does not depend on the others.
    Results are clamped to [0, 1], unless ``clamp`` is false.

    Raises:
        DegradationError: a program is wrong, does not fit the images, or gives another size than the others.
    """
    if len(programs) != len(images):
        raise DegradationError(f"{len(images)} images but {len(programs)} sets of parameters")
    parsed = [read_program(program) for program in programs]
    batch = [images[index : index + 1] for index in range(len(images))]
    if images.device.type == "cpu":
        batch = [_alone(one, program) for one, program in zip(batch, parsed, strict=True)]
    else:
        _together(batch, parsed)
    sizes = {tuple(one.shape[-2:]) for one in batch}
    if len(sizes) > 1:
        raise DegradationError(f"the programs of one batch give several sizes: {sorted(sizes)}")
    if not batch:
        return images
    results = torch.cat(batch)
    return results.clamp(0, 1) if clamp else results


def _alone(image: Tensor, program: Sequence[ProgramStep]) -> Tensor:
    for line in program:
        image = _run(image, [line])
    return image


def _together(batch: list[Tensor], programs: Sequence[Sequence[ProgramStep]]) -> None:
    """Replace the images by the results of their programs, always running the largest group of equal steps."""
    done = [0] * len(batch)
    while True:
        groups: dict[object, list[int]] = {}
        for index, program in enumerate(programs):
            if done[index] < len(program):
                line = program[done[index]]
                key = (line.kind.parameters, line.kind.batch_key(line.step), batch[index].shape)
                groups.setdefault(key, []).append(index)
        if not groups:
            return
        largest = max(groups.values(), key=len)
        result = _run(
            torch.cat([batch[index] for index in largest]),
            [programs[index][done[index]] for index in largest],
        )
        for index, image in zip(largest, torch.split(result, 1), strict=True):
            batch[index] = image
            done[index] += 1


def _run(batch: Tensor, lines: Sequence[ProgramStep]) -> Tensor:
    try:
        return lines[0].kind.run(batch, [line.step for line in lines])
    except ValueError as error:
        raise DegradationError(f"{lines[0].where}: {error}") from error
