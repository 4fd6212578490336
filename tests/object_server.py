"""An S3-compatible server on the loopback interface (moto), for the tests of object stores."""

from collections.abc import Iterator
from typing import Any

import pytest

from wildsr.storage import objects


class Bucket:
    """A bucket of the server: its address, and independent access to its contents by boto3."""

    def __init__(self, name: str, endpoint: str) -> None:
        import boto3

        self.name = name
        self.address = f"s3://{name}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="k",
            aws_secret_access_key="s",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=name)

    def put(self, key: str, content: bytes) -> str:
        """Store an object; returns its address."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)
        return f"{self.address}/{key}"

    def get(self, key: str) -> bytes:
        """The content of an object."""
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def names(self, prefix: str = "") -> list[str]:
        """All names."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))


def endpoint() -> Iterator[str]:
    """Start the server; skips the test where moto or obstore is not installed."""
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    pytest.importorskip("flask_cors", reason="flask-cors is not installed")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def use(patch: pytest.MonkeyPatch, address: str) -> None:
    """Point the AWS variables to the server."""
    patch.setenv("AWS_ENDPOINT_URL", address)
    patch.setenv("AWS_ACCESS_KEY_ID", "k")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    patch.setenv("AWS_REGION", "us-east-1")
    objects._store.cache_clear()
