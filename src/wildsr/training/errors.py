"""Errors of a training run."""

from pathlib import Path

from wildsr.errors import WildsrError


class TrainingError(WildsrError):
    """The run cannot go on; the message says why and what to do."""


class Interrupted(Exception):
    """A signal ended the run, after a checkpoint was saved.

    Attributes:
        signal: number of the signal; the exit code of a command that ends by it is 128 plus this.
        step: steps done.
        state: the checkpoint from which the same command resumes.
    """

    def __init__(self, signal: int, step: int, state: Path) -> None:
        super().__init__(f"stopped after step {step}; the same command resumes from {state}")
        self.signal = signal
        self.step = step
        self.state = state
