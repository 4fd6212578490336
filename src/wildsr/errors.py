"""The base class of every error that a user can meet. Loads nothing else."""


class WildsrError(Exception):
    """Base class of wildsr's errors; the message says what happened, to which file, and what to do.

    The subclasses are exported by :mod:`wildsr` and defined in the layers that raise them.
    """
