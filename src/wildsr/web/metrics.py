"""Counters of the service in the text format of Prometheus."""

from collections import Counter

from wildsr.web.jobs import JobRecord, State

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """Counts since the start of the service."""

    def __init__(self) -> None:
        self.worker_restarts = 0
        self.received_bytes = 0
        self.requests: Counter[str] = Counter()
        self._ended: Counter[State] = Counter()
        self._seconds = 0.0
        self._buckets = [0] * len(_BUCKETS)

    def ended(self, state: State, job: JobRecord) -> None:
        """A job ended."""
        self._ended[state] += 1
        if state != "finished" or job.started is None or job.ended is None:
            return
        seconds = job.ended - job.started
        self._seconds += seconds
        for index, bound in enumerate(_BUCKETS):
            self._buckets[index] += seconds <= bound

    def render(self, *, queued: int, running: int, workers: int, ready: int, jobs: int, disk: int) -> str:
        """The text, with the gauges given."""
        lines: list[str] = []

        def add(name: str, kind: str, text: str, samples: dict[str, float]) -> None:
            lines.extend(_lines(name, kind, text, samples))

        add("queued_jobs", "gauge", "Jobs that wait.", {"": queued})
        add("running_jobs", "gauge", "Jobs that are worked on.", {"": running})
        add("stored_jobs", "gauge", "Jobs of any state.", {"": jobs})
        add("disk_bytes", "gauge", "Size of all images and results.", {"": disk})
        add("workers", "gauge", "Worker processes wanted.", {"": workers})
        add("workers_ready", "gauge", "Worker processes that have started.", {"": ready})
        add(
            "worker_restarts_total",
            "counter",
            "Worker processes that ended early.",
            {"": self.worker_restarts},
        )
        add("received_bytes_total", "counter", "Bytes of uploads.", {"": self.received_bytes})
        states: tuple[State, ...] = ("finished", "failed", "cancelled")
        ended = {f'{{state="{state}"}}': float(self._ended[state]) for state in states}
        add("jobs_total", "counter", "Jobs that ended.", ended)
        requests = {f'{{status="{status}"}}': float(count) for status, count in sorted(self.requests.items())}
        add("http_requests_total", "counter", "Responses by class of status.", requests)
        count = self._ended["finished"]
        samples: dict[str, float] = {
            f'_bucket{{le="{bound:g}"}}': number
            for bound, number in zip(_BUCKETS, self._buckets, strict=True)
        }
        samples |= {'_bucket{le="+Inf"}': count, "_sum": self._seconds, "_count": count}
        add("job_seconds", "histogram", "Time from start to end of finished jobs.", samples)
        return "\n".join(lines) + "\n"


def render_adaptations(*, waiting: int, running: int, ended: Counter[State]) -> str:
    """The text about adaptations."""
    states: tuple[State, ...] = ("finished", "failed", "cancelled")
    counts = {f'{{state="{state}"}}': float(ended[state]) for state in states}
    lines = [
        *_lines("queued_adaptations", "gauge", "Adaptations that wait.", {"": waiting}),
        *_lines("running_adaptations", "gauge", "Adaptations that run.", {"": running}),
        *_lines("adaptations_total", "counter", "Adaptations that ended.", counts),
    ]
    return "\n".join(lines) + "\n"


def _lines(name: str, kind: str, text: str, samples: dict[str, float]) -> list[str]:
    return [
        f"# HELP wildsr_{name} {text}",
        f"# TYPE wildsr_{name} {kind}",
        *(f"wildsr_{name}{labels} {value:g}" for labels, value in samples.items()),
    ]
