"""Object stores against a real S3-compatible server, and against servers that misbehave."""

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice
from pathlib import Path

import pytest

import object_server
from object_server import Bucket
from wildsr.storage import credentials, objects
from wildsr.storage.atomic import replacing, write_bytes
from wildsr.storage.digest import digest_of
from wildsr.storage.locations import content_of, exists, files_below, locate, version_of
from wildsr.storage.object_path import ObjectPath, object_path

endpoint = pytest.fixture(scope="module")(object_server.endpoint)
NUMBERS = count()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    object_server.use(monkeypatch, endpoint)
    yield Bucket(f"scans-{next(NUMBERS)}", endpoint)
    objects._store.cache_clear()


def test_addresses() -> None:
    path = object_path("s3://bucket/a folder/b%20#?ä.tar.gz")
    assert (path.name, path.stem, path.suffix) == ("b%20#?ä.tar.gz", "b%20#?ä.tar", ".gz")
    assert str(path.parent / "c/d.png") == "s3://bucket/a folder/c/d.png"
    assert str(path.with_name("x.png")) == "s3://bucket/a folder/x.png"
    assert path.name_within(object_path("s3://bucket/a folder/")) == path.name
    assert not path.is_relative_to(object_path("s3://bucket/a fol"))
    for name in ("a", "a.b", ".a", "a.", "..a", ".a.b", "a b.c d"):
        plain, path = Path("folder") / name, object_path(f"s3://bucket/folder/{name}")
        assert (path.name, path.stem, path.suffix) == (plain.name, plain.stem, plain.suffix)
    assert object_path("https://host/a.jpg?size=1/2.gif").suffix == ".jpg"
    assert locate("plain/file.jpg") == Path("plain/file.jpg")
    with pytest.raises(ValueError, match="names no bucket"):
        object_path("s3:///x")


@pytest.mark.parametrize(
    "key", ["a b.jpg", "ä%20ö.jpg", "x#y?z*.jpg", "q\"'<&>+=;,@$!.jpg", "~t|{}[]^`\\.jpg", "猫/e\u0301🎈.png"]
)
def test_names_with_every_character(bucket: Bucket, key: str) -> None:
    written = locate(f"{bucket.address}/{key}")
    write_bytes(written, b"content") if isinstance(written, ObjectPath) else pytest.fail("not an address")
    assert bucket.names() == [key]
    assert content_of(written) == b"content"
    assert [str(one) for one in files_below(locate(bucket.address), {".jpg", ".png"})] == [str(written)]


@pytest.mark.parametrize("size", [0, 1, objects.PART, 2 * objects.PART + 12345])
def test_transfers_of_every_size(bucket: Bucket, size: int) -> None:
    content = os.urandom(size)
    path = object_path(f"{bucket.address}/large.bin")
    write_bytes(path, content)
    assert hashlib.sha256(bucket.get("large.bin")).digest() == hashlib.sha256(content).digest()
    assert content_of(path) == content
    assert digest_of(path) == hashlib.sha256(content).hexdigest()
    version = version_of(path)
    assert version is not None
    assert version.size == size


def test_an_upload_that_fails_leaves_the_old_object(bucket: Bucket) -> None:
    path = object_path(bucket.put("a.png", b"old"))

    def fail_halfway() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert bucket.get("a.png") == b"old"
    with pytest.raises(FileExistsError), replacing(path, overwrite=False) as temporary:
        temporary.write_bytes(b"new")
    assert bucket.get("a.png") == b"old"
    assert not temporary.exists()


def test_listing_leaves_out_hidden_excluded_and_other_files(bucket: Bucket) -> None:
    for key in ("in/a.jpg", "in/b/c.PNG", "in/.hidden/d.jpg", "in/e.txt", "in/out/f.jpg", "inner/g.jpg"):
        bucket.put(key, b"x")
    root = locate(f"{bucket.address}/in")
    found = files_below(root, {".jpg", ".png"}, excluded=locate(f"{bucket.address}/in/out"))
    assert sorted(str(one).removeprefix(bucket.address) for one in found) == ["/in/a.jpg", "/in/b/c.PNG"]
    listed = next(islice(files_below(root, {".jpg"}), 1))
    assert isinstance(listed, ObjectPath)
    assert listed.version == version_of(listed)


def test_a_name_that_cannot_be_read_is_named(bucket: Bucket) -> None:
    bucket.put("in//a.jpg", b"x")
    with pytest.raises(OSError, match=r"in//a\.jpg.*empty part"):
        list(files_below(locate(bucket.address), {".jpg"}))


def test_what_is_not_there(bucket: Bucket) -> None:
    assert not exists(locate(f"{bucket.address}/no.jpg"))
    with pytest.raises(FileNotFoundError, match="no such object"):
        content_of(locate(f"{bucket.address}/no.jpg"))
    with pytest.raises(FileNotFoundError, match="bucket does not exist"):
        content_of(locate("s3://no-such-bucket-here/no.jpg"))
    with pytest.raises(OSError, match="bucket does not exist"):
        list(files_below(locate("s3://no-such-bucket-here/in"), {".jpg"}))
    with pytest.raises(FileNotFoundError, match="bucket does not exist"):
        write_bytes(object_path("s3://no-such-bucket-here/x.jpg"), b"x")


def test_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    objects._store.cache_clear()
    with pytest.raises(PermissionError, match="no credentials for S3; set AWS_ACCESS_KEY_ID"):
        content_of(locate("s3://bucket/a.jpg"))


@pytest.mark.parametrize(
    ("address", "variables", "message"),
    [
        (
            "gs://bucket/a.jpg",
            {},
            "no credentials for Google Cloud Storage; set GOOGLE_APPLICATION_CREDENTIALS",
        ),
        ("az://container/a.jpg", {}, "set AZURE_STORAGE_ACCOUNT_NAME"),
        (
            "az://container/a.jpg",
            {"AZURE_STORAGE_ACCOUNT_NAME": "museum"},
            "no credentials for Azure; set AZURE_STORAGE_ACCOUNT_KEY",
        ),
    ],
)
def test_without_credentials_of_google_and_azure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, variables: dict[str, str], message: str
) -> None:
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "AZURE_", "IDENTITY_"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        credentials, "_METADATA_SERVICE", ("127.0.0.1", 9)
    )  # the discard service: nobody is there
    objects._store.cache_clear()
    with pytest.raises(PermissionError, match=message):
        content_of(locate(address))


def test_credentials_of_a_profile(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bucket.put("a.jpg", b"x")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "archive")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[archive]\naws_access_key_id=k\naws_secret_access_key=s\n")
    objects._store.cache_clear()
    assert content_of(locate(f"{bucket.address}/a.jpg")) == b"x"


class Service:
    """A server on loopback with given responses: a status and a body per request, the last one repeated."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.requests.append(self.path)
                status, body = service.answers.pop(0) if len(service.answers) > 1 else service.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Last-Modified", "Sat, 21 Nov 2026 12:00:00 GMT")
                self.send_header("ETag", '"one"')
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Service":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def fault(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def test_a_throttled_request_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    with Service((503, fault("SlowDown")), (503, fault("SlowDown")), (200, b"image")) as service:
        object_server.use(monkeypatch, service.address)
        assert content_of(locate("s3://bucket/a.jpg")) == b"image"
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (503, "SlowDown", "throttling requests, even after several retries"),
        (403, "RequestTimeTooSkewed", "clock differs"),
        (403, "AccessDenied", "access denied"),
        (403, "InvalidAccessKeyId", "does not know the access key"),
        (301, "PermanentRedirect", "region"),
    ],
)
def test_what_services_refuse(monkeypatch: pytest.MonkeyPatch, status: int, code: str, message: str) -> None:
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    monkeypatch.setattr(objects, "RETRIES", {"max_retries": 1})
    with Service((status, fault(code))) as service:
        object_server.use(monkeypatch, service.address)
        with pytest.raises(OSError, match=message):
            content_of(locate("s3://bucket/a.jpg"))
    objects._store.cache_clear()


def test_http_is_read_and_not_listed_or_written() -> None:
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    with Service((200, b"image")) as service:
        assert content_of(locate(f"{service.address}/a%20b/c.jpg")) == b"image"
        assert service.requests == ["/a%20b/c.jpg"]
        with pytest.raises(OSError, match="cannot list"):
            list(files_below(locate(f"{service.address}/a/"), {".jpg"}))
