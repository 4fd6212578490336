"""Settings of the service: where it listens, what it keeps, and its limits."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

SHORTEST_TOKEN = 12
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Limits:
    """Limits on requests and stored jobs.

    Attributes:
        body: bytes of one request.
        pixels, output_pixels: of one image and of its result.
        jobs: waiting jobs in all.
        kept_jobs: jobs of any state that are remembered.
        disk: bytes of images and results in the folder.
        free_disk: bytes that must stay free on the disk.
        uploads: requests that are being received at the same time.
        photos, photo_bytes: files of one adaptation, and their bytes.
        adaptations: waiting and running adaptations.
    """

    body: int = 1 << 30
    pixels: int = 100_000_000
    output_pixels: int = 1_600_000_000
    jobs: int = 500
    kept_jobs: int = 5000
    disk: int = 20 << 30
    free_disk: int = 256 << 20
    uploads: int = 16
    photos: int = 2000
    photo_bytes: int = 4 << 30
    adaptations: int = 10

    @property
    def client_jobs(self) -> int:
        """Waiting jobs of one client: three fifths of all, so that no client takes every place."""
        return -(-3 * self.jobs // 5)


@dataclass(frozen=True)
class Settings:
    """How the service runs. Durations are in seconds.

    Attributes:
        folder: private folder of jobs, images and results; one service at a time uses it.
        host: address to listen on. ``names``: further host names under which the service is reached.
        token: required from every request if given; an address beyond loopback requires one.
        keep: how long ended jobs and their files stay.
        devices: one worker process for each.
        model: the model used where a job names none.
        stall: a worker that shows no progress for this long is ended.
        patience: how long a cancelled job may take to stop by itself before its worker is ended.
        grace: how long a shutdown waits for running jobs before they are kept for the next start.
        body_timeout: longest pause between two parts of an upload.
    """

    folder: Path
    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    token: str | None = None
    keep: float = 86400.0
    devices: tuple[str, ...] = ("auto",)
    model: str = "default"
    stall: float = 900.0
    patience: float = 1.6
    grace: float = 5.0
    body_timeout: float = 60.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.is_loopback and self.token is None:
            raise ValueError(
                f"{self.host} can be reached from other computers, which needs a token: add --token with "
                f"{SHORTEST_TOKEN} characters or more, or --token auto"
            )
        if self.token is not None and (len(self.token) < SHORTEST_TOKEN or not self.token.isascii()):
            raise ValueError(f"the token must have at least {SHORTEST_TOKEN} ASCII characters")

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def accepts_host(self, name: str) -> bool:
        """Whether a request may name ``name`` as its host, without a port.

        A page of another site whose name resolves to this computer (DNS rebinding) sends the name of that site.
        An IP address cannot be rebound, so that a service for the network accepts any.
        """
        name = name.lower()
        if name in LOOPBACK_NAMES or name in (self.host.lower(), *(known.lower() for known in self.names)):
            return True
        if self.is_loopback:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def default_folder() -> Path:
    """The user's own folder for the service's jobs."""
    return Path(platformdirs.user_state_dir("wildsr", appauthor=False)) / "web"


def parse_duration(text: str) -> float:
    """Seconds of "90s", "30m", "24h" or "7d". Raises ``ValueError``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip().lower())
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"'{text}' is not a duration; write it like 30m, 24h or 7d")
    return float(found[1]) * _UNITS[found[2]]


def parse_bytes(text: str) -> int:
    """Bytes of "500M" or "20G" (powers of 1024). Raises ``ValueError``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"'{text}' is not a size; write it like 500M or 20G")
    return int(float(found[1]) * _SIZES[found[2].upper()])
