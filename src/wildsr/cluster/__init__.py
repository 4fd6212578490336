"""Many machines by Ray Data (``pip install 'wildsr[ray]'``); imported by its command and by users only.

Names and states travel through Ray; images never do: actors read and write them by themselves.
"""

from wildsr.cluster.engine import Resources
from wildsr.cluster.errors import ClusterError
from wildsr.cluster.pairs import prepare
from wildsr.cluster.run import Summary, upscale
from wildsr.cluster.task import Task

__all__ = ["ClusterError", "Resources", "Summary", "Task", "prepare", "upscale"]
