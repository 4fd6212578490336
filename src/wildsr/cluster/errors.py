"""Errors of runs on a cluster."""

from wildsr.errors import WildsrError


class ClusterError(WildsrError):
    """The cluster cannot be used, or did not finish; the message says what to do."""


class RoundLost(ClusterError):
    """A round ended early because the cluster lost something; another round may do the rest."""
