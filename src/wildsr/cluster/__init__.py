"""Upscales and prepares images on many machines by Ray Data (``pip install 'wildsr[ray]'``).

Imported by its commands and by users only. Names and states travel through Ray; images are read and written by actors.
"""

from wildsr.cluster.engine import Resources
from wildsr.cluster.errors import ClusterError
from wildsr.cluster.pairs import prepare
from wildsr.cluster.run import Summary, upscale
from wildsr.cluster.task import Task

__all__ = ["ClusterError", "Resources", "Summary", "Task", "prepare", "upscale"]
