"""The base class of every error that a user can meet. Loads nothing else."""


class WildsrError(Exception):
    """Base class of wildsr's errors; the message says what happened, to which file, and what to do.

    The subclasses are exported by :mod:`wildsr` and defined in the layers that raise them.
    """


class UsageError(WildsrError):
    """The request cannot be carried out as it was made: options that contradict each other, or a name, file or
    folder that does not exist. Nothing was done. Commands end with exit code 2.
    """
