"""The one error of this layer."""


class EstimationError(Exception):
    """Nothing can be estimated from what was given; the message says what happened, and what to do."""
