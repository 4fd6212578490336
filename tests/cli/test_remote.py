"""Commands whose inputs and outputs are in an object store."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

import object_server
from object_server import Bucket
from wildsr.storage import objects

Run = Callable[..., Result]
Save = Callable[..., Path]

endpoint = pytest.fixture(scope="module")(object_server.endpoint)


@pytest.fixture
def bucket(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Bucket]:
    object_server.use(monkeypatch, endpoint)
    yield Bucket(request.node.name.replace("_", "-").lower()[:60], endpoint)
    objects._store.cache_clear()


def test_a_bucket_equals_a_folder(wildsr: Run, bucket: Bucket, save_photo: Save, tmp_path: Path) -> None:
    names = ["a b.png", "ü/c#1.jpg", "ü/100%.tif"]
    for index, name in enumerate(names):
        bucket.put(f"in/{name}", save_photo(tmp_path / "in" / name, seed=index).read_bytes())
    bucket.put("in/broken.jpg", b"\xff\xd8\xff no image")
    (tmp_path / "in/broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    local = wildsr("upscale", tmp_path / "in", "-o", tmp_path / "out", "-m", "tiny")
    assert local.exit_code == 1
    manifest = tmp_path / "run.jsonl"
    command = (
        "upscale",
        f"{bucket.address}/in",
        "-o",
        f"{bucket.address}/out",
        "-m",
        "tiny",
        "--manifest",
        manifest,
    )
    remote = wildsr(*command)
    assert remote.exit_code == 1, remote.output
    assert f"{bucket.address}/in/broken.jpg is damaged" in remote.output.replace("\n", "")
    assert bucket.names("out/") == sorted(f"out/{name}" for name in names)
    for name in names:
        assert bucket.get(f"out/{name}") == (tmp_path / "out" / name).read_bytes()

    bucket.client.delete_object(Bucket=bucket.name, Key="out/a b.png")
    bucket.put("in/broken.jpg", save_photo(tmp_path / "mended.jpg").read_bytes())
    again = wildsr(*command, "--json")
    assert again.exit_code == 0, again.output
    events = [json.loads(line) for line in again.stdout.splitlines()]
    done = [event["source"].rpartition("/")[2] for event in events if event["event"] == "finished"]
    assert sorted(done) == ["a b.png", "broken.jpg"]
    assert wildsr("manifest", "check", manifest).exit_code == 0


def test_from_a_bucket_to_a_folder_and_one_object(
    wildsr: Run, bucket: Bucket, save_photo: Save, tmp_path: Path
) -> None:
    photo = bucket.put("in/a.png", save_photo(tmp_path / "a.png").read_bytes())
    assert wildsr("upscale", f"{bucket.address}/in", "-o", tmp_path / "out", "-m", "tiny").exit_code == 0
    assert (tmp_path / "out/a.png").is_file()
    assert wildsr("upscale", photo, "-m", "tiny").exit_code == 0
    assert bucket.get("in/a_x4.png") == (tmp_path / "out/a.png").read_bytes()
    again = wildsr("upscale", photo, "-m", "tiny")
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_degrade_in_a_bucket(wildsr: Run, bucket: Bucket, save_photo: Save, tmp_path: Path) -> None:
    for index in range(3):
        bucket.put(f"in/{index}.png", save_photo(tmp_path / f"in/{index}.png", seed=index).read_bytes())
    options = ("-p", "bicubic", "--scale", "2")
    assert wildsr("degrade", tmp_path / "in", "-o", tmp_path / "out", *options).exit_code == 0
    done = wildsr("degrade", f"{bucket.address}/in", "-o", f"{bucket.address}/out", *options)
    assert done.exit_code == 0, done.output
    assert bucket.names("out/") == ["out/0.png", "out/1.png", "out/2.png", "out/degradations.json"]
    for name in ("0.png", "1.png", "2.png", "degradations.json"):
        assert bucket.get(f"out/{name}") == (tmp_path / "out" / name).read_bytes()


def test_an_object_that_vanishes_is_one_failure(
    wildsr: Run, bucket: Bucket, save_photo: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        bucket.put(f"in/{name}", save_photo(tmp_path / name).read_bytes())
    from wildsr.inference import batch

    original = batch.read_job

    def vanishing(job: batch.Job, digest: bool) -> object:
        if job.source.name == "a.png":
            bucket.client.delete_object(Bucket=bucket.name, Key="in/a.png")
        return original(job, digest)

    monkeypatch.setattr(batch, "read_job", vanishing)
    done = wildsr("upscale", f"{bucket.address}/in", "-o", f"{bucket.address}/out", "-m", "tiny")
    assert done.exit_code == 1
    assert "does not exist" in done.output
    assert bucket.names("out/") == ["out/b.png"]


def test_wrong_buckets_and_places(wildsr: Run, bucket: Bucket, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png")
    for arguments, message in (
        (("s3://no-such-bucket-1/in", "-o", tmp_path / "out"), "bucket does not exist"),
        ((photo, "-o", "s3://no-such-bucket-1/out/"), "bucket does not exist"),
        ((photo, "-o", "https://example.org/out/"), "only reads from http"),
        (("s3:///in", "-o", tmp_path / "out"), "names no bucket"),
        ((f"{bucket.address}/empty", "-o", tmp_path / "out"), "no image in this folder"),
        ((bucket.address,), "no image in this folder"),
    ):
        done = wildsr("upscale", *arguments, "-m", "tiny")
        assert done.exit_code in (1, 2), arguments
        assert message in done.output.replace("\n", " "), done.output
    bucket.put("a.png", photo.read_bytes())
    done = wildsr("upscale", bucket.address, "-m", "tiny")
    assert "give a folder for the results" in done.output
