"""Objects in S3, Google Cloud Storage, Azure and behind HTTP, through obstore: the only user of that package.

Every request is repeated with growing pauses when the service is throttled, busy or unreachable. Credentials are
found as each provider's own tools do it.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from wildsr.storage.credentials import aws_settings, require_azure, require_google
from wildsr.storage.object_path import ObjectPath, Version

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART = 16 << 20
"""Objects larger than this many bytes are read and written in parts, several at a time."""
_PARALLEL = 4
_LISTED = 1000
RETRIES: Any = {"max_retries": 8, "retry_timeout": timedelta(minutes=3)}
"""Retries of each request, with pauses that double from a tenth of a second to 15 s."""
_CODES = {
    "NoSuchBucket": "the bucket does not exist",
    "ContainerNotFound": "the container does not exist",
    "AuthenticationFailed": "the service refuses the key or the token, or this machine's clock differs from its own; "
    "check both",
    "RequestTimeTooSkewed": "this machine's clock differs too much from the service's; set it, then run again",
    "InvalidAccessKeyId": "the service does not know the access key; check the credentials",
    "SignatureDoesNotMatch": "the service refuses the signature; check the secret key",
    "ExpiredToken": "the credentials have expired; renew them, then run again",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION to it",
    "SlowDown": "the service is throttling requests, even after several retries; run again later with fewer workers",
    "ServerBusy": "the service is throttling requests, even after several retries; run again later",
    "TooManyRequests": "the service is throttling requests, even after several retries; run again later",
}


def version_of(path: ObjectPath) -> Version:
    """The state of an object. Raises ``OSError``, ``FileNotFoundError`` if there is none."""
    with _errors(path):
        import obstore

        return _version(obstore.head(_store(path.root), _key(path)))


def content_of(path: ObjectPath) -> bytes:
    """The bytes of an object; a large one is read in ranges of one version of it. Raises ``OSError``."""
    with _errors(path):
        import obstore

        store, key = _store(path.root), _key(path)
        found = obstore.get(store, key)
        size, tag = found.meta["size"], found.meta.get("e_tag")
        if size <= PART or path.scheme in ("http", "https"):
            return bytes(found.bytes())

        def part(start: int) -> bytes:
            options: dict[str, Any] = {"range": (start, min(start + PART, size))}
            if tag is not None:
                options["if_match"] = tag
            return bytes(obstore.get(store, key, options=options).bytes())  # type: ignore[arg-type]

        with ThreadPoolExecutor(_PARALLEL) as pool:
            return b"".join(pool.map(part, range(0, size, PART)))


def upload(file: Path, path: ObjectPath, *, overwrite: bool = True) -> None:
    """Store a local file as an object, which appears only when all of it has arrived.

    Raises:
        FileExistsError: without ``overwrite``, when the object exists.
        OSError: it cannot be stored.
    """
    with _errors(path):
        import obstore

        store, key = _store(path.root), _key(path)
        if overwrite:
            obstore.put(store, key, file, chunk_size=PART, max_concurrency=_PARALLEL)
        else:
            obstore.put(store, key, file.read_bytes(), mode="create")


def objects_below(root: ObjectPath) -> Iterator[ObjectPath]:
    """All objects below a folder, with their versions, while the store lists them. Raises ``OSError``."""
    if root.scheme in ("http", "https"):
        raise OSError(
            errno.EINVAL, "HTTP cannot list a folder; give the addresses of single images", str(root)
        )
    with _errors(root):
        import obstore

        for batch in obstore.list(_store(root.root), root.key or None, chunk_size=_LISTED):
            for found in batch:
                yield ObjectPath(root.root, found["path"]).listed(_version(found))


def _version(meta: Any) -> Version:
    return Version(meta["size"], (meta.get("e_tag") or meta["last_modified"].isoformat()).strip('"'))


def _key(path: ObjectPath) -> str:
    return unquote(path.key) if path.scheme in ("http", "https") else path.key


@cache
def _store(root: str) -> "ObjectStore":
    from obstore.store import from_url

    client: dict[str, Any] = {"timeout": timedelta(minutes=5), "connect_timeout": timedelta(seconds=10)}
    config: dict[str, Any] = {}
    if root.startswith("http://"):
        client["allow_http"] = True
    elif root.startswith("s3://"):
        config = aws_settings()
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            config["endpoint"] = endpoint
            client["allow_http"] = endpoint.startswith("http://")
    elif root.startswith("gs://"):
        require_google()
    elif root.startswith("az://"):
        require_azure()
        client["allow_http"] = os.environ.get("AZURE_STORAGE_USE_EMULATOR", "").lower() == "true"

    store: ObjectStore = from_url(root, client_options=client, retry_config=RETRIES, **config)  # type: ignore[call-overload]
    return store


@contextlib.contextmanager
def _errors(path: ObjectPath) -> Iterator[None]:
    """Turns errors of obstore, or its absence, into ``OSError`` with a readable message."""
    try:
        from obstore import exceptions
    except ImportError as error:
        raise OSError(
            errno.ENOSYS, "for object stores, run: pip install 'wildsr[remote]'", str(path)
        ) from error

    missing = (FileNotFoundError, errno.ENOENT, "there is no such object")
    denied = (PermissionError, errno.EACCES, "access denied")
    kinds: dict[type[Exception], tuple[type[OSError], int, str]] = {
        FileNotFoundError: missing,
        exceptions.NotFoundError: missing,
        exceptions.AlreadyExistsError: (FileExistsError, errno.EEXIST, "the object exists already"),
        exceptions.PermissionDeniedError: denied,
        exceptions.UnauthenticatedError: denied,
        exceptions.PreconditionError: (OSError, errno.ESTALE, "the object changed while it was read"),
    }
    try:
        yield
    except (exceptions.BaseError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = error.filename or str(path)
            raise
        # obstore raises a FileNotFoundError that holds nothing but its own text.
        kind, code, text = next(
            (value for cls, value in kinds.items() if isinstance(error, cls)), (OSError, errno.EIO, "")
        )
        raise kind(code, _reason(error, text), str(path)) from error


def _reason(error: Exception, text: str) -> str:
    message = str(error)
    for code, meaning in _CODES.items():
        if code in message:
            return meaning
    if text:
        return text
    if "429" in message:
        return _CODES["TooManyRequests"]
    invalid = re.search(r'[Pp]ath "(.*?)"', message, re.DOTALL)
    if invalid is not None:
        return (
            f"the name {invalid[1]!r} has an empty part, '.', '..' or a control character; rename that object, "
            "or give folders without it"
        )
    return message.partition("\n")[0] or type(error).__name__
