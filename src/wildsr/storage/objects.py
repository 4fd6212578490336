"""Objects in S3, Google Cloud Storage, Azure and behind HTTP, through obstore: the only user of that package.

Every request is repeated with growing pauses when the service is throttled, busy or unreachable. Credentials are
found as each provider's own tools do it.
"""

import configparser
import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from wildsr.storage.object_path import ObjectPath, Version

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART = 16 << 20
"""Objects larger than this many bytes are read and written in parts, several at a time."""
_PARALLEL = 4
_LISTED = 1000
RETRIES: Any = {"max_retries": 8, "retry_timeout": timedelta(minutes=3)}
"""Retries of each request, with pauses that double from a tenth of a second to 15 s."""
_METADATA_SERVICE = ("169.254.169.254", 80)
_AWS_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
)
_CODES = {
    "NoSuchBucket": "the bucket does not exist",
    "RequestTimeTooSkewed": "this machine's clock differs too much from the service's; set it, then run again",
    "InvalidAccessKeyId": "the service does not know the access key; check the credentials",
    "SignatureDoesNotMatch": "the service refuses the signature; check the secret key",
    "ExpiredToken": "the credentials have expired; renew them, then run again",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION to it",
    "SlowDown": "the service is throttling requests, even after several retries; run again later with fewer workers",
    "TooManyRequests": "the service is throttling requests, even after several retries; run again later",
}


def version_of(path: ObjectPath) -> Version:
    """The state of an object. Raises ``OSError``, ``FileNotFoundError`` if there is none."""
    import obstore

    with _errors(path):
        return _version(obstore.head(_store(path.root), _key(path)))


def content_of(path: ObjectPath) -> bytes:
    """The bytes of an object; a large one is read in ranges of one version of it. Raises ``OSError``."""
    import obstore

    with _errors(path):
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
    import obstore

    with _errors(path):
        store, key = _store(path.root), _key(path)
        if overwrite:
            obstore.put(store, key, file, chunk_size=PART, max_concurrency=_PARALLEL)
        else:
            obstore.put(store, key, file.read_bytes(), mode="create")


def objects_below(root: ObjectPath) -> Iterator[ObjectPath]:
    """All objects below a folder, with their versions, while the store lists them. Raises ``OSError``."""
    import obstore

    if root.scheme in ("http", "https"):
        raise OSError(
            errno.EINVAL, "HTTP cannot list a folder; give the addresses of single images", str(root)
        )
    with _errors(root):
        for batch in obstore.list(_store(root.root), root.key or None, chunk_size=_LISTED):
            for found in batch:
                yield ObjectPath(root.root, found["path"]).listed(_version(found))


def _version(meta: Any) -> Version:
    return Version(meta["size"], (meta.get("e_tag") or meta["last_modified"].isoformat()).strip('"'))


def _key(path: ObjectPath) -> str:
    return unquote(path.key) if path.scheme in ("http", "https") else path.key


@cache
def _store(root: str) -> "ObjectStore":
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise OSError(errno.ENOSYS, "for object stores, run: pip install 'wildsr[remote]'", root) from error
    client: dict[str, Any] = {"timeout": timedelta(minutes=5), "connect_timeout": timedelta(seconds=10)}
    config: dict[str, Any] = {}
    if root.startswith("http://"):
        client["allow_http"] = True
    elif root.startswith("s3://"):
        config = _aws_settings()
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            config["endpoint"] = endpoint
            client["allow_http"] = endpoint.startswith("http://")

    store: ObjectStore = from_url(root, client_options=client, retry_config=RETRIES, **config)  # type: ignore[call-overload]
    return store


def _aws_settings() -> dict[str, str]:
    """Credentials and region of the AWS profile, where the environment has none.

    Raises:
        PermissionError: there are no credentials, neither here nor from a metadata service.
    """
    environ = os.environ
    settings = {}
    if not environ.get("AWS_REGION"):
        settings["region"] = environ.get("AWS_DEFAULT_REGION") or _aws_profile().get("region") or "us-east-1"
    if environ.get("AWS_SKIP_SIGNATURE", "").lower() == "true" or any(
        environ.get(name) for name in _AWS_VARIABLES
    ):
        return settings
    profile = _aws_profile()
    names = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}
    if all(profile.get(name) for name in names.values()):
        settings |= {key: profile[name] for key, name in names.items()}
        if profile.get("aws_session_token"):
            settings["session_token"] = profile["aws_session_token"]
    elif environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true" or not _answers(_METADATA_SERVICE):
        raise PermissionError(
            errno.EACCES,
            "there are no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
            "AWS_SKIP_SIGNATURE=true for a public bucket",
        )
    return settings


def _aws_profile() -> dict[str, str]:
    """The profile of ``AWS_PROFILE`` in the files of the AWS command line."""
    name = os.environ.get("AWS_PROFILE") or "default"
    found: dict[str, str] = {}
    for variable, usual, section in (
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    ):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            parser.read(os.environ.get(variable) or Path(usual).expanduser(), encoding="utf-8")
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _errors(path: ObjectPath) -> Iterator[None]:
    """Turns errors of obstore into ``OSError`` with a readable message."""
    from obstore import exceptions

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
