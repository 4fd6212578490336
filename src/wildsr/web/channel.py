"""JSON lines between the service and its child processes."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any

LONGEST_LINE = 1 << 20
Message = dict[str, Any]


class ChildEnded(Exception):
    """A child process ended, or was ended, before it answered."""


class Child:
    """A child process that runs ``python -m MODULE ARGUMENTS`` and speaks JSON lines.

    It gets a session of its own, so that Ctrl-C in a terminal reaches the service only. It ends by itself when the
    service does, however that ends, because its standard input is closed then.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> "Child":
        """Start a child process."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> str:
        """A readable description of how it ended."""
        code = self._process.returncode
        if code is None:
            return "is still running"
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def send(self, message: Message) -> None:
        """Send a message. Raises :class:`ChildEnded`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise ChildEnded(self.ended) from error

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message. Raises :class:`ChildEnded`, also after ``timeout`` seconds, when the child is ended."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), timeout)
            message = json.loads(line) if line else None
        except (TimeoutError, asyncio.TimeoutError) as error:
            await self.kill()
            raise ChildEnded(f"did not answer within {timeout:g} seconds") from error
        except ValueError as error:  # also a line that is too long
            await self.kill()
            raise ChildEnded("gave an answer that makes no sense") from error
        if not isinstance(message, dict):
            await self._process.wait()
            raise ChildEnded(self.ended)
        return message

    async def wait(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    def terminate(self) -> None:
        """Ask it to end (SIGTERM), without waiting."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill_now(self) -> None:
        """End it at once, without waiting."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def kill(self) -> None:
        """End it at once."""
        self.kill_now()
        await self._process.wait()


class Parent:
    """The child's end: messages from and to the service."""

    def __init__(self) -> None:
        self._out: IO[bytes] = os.fdopen(os.dup(1), "wb", buffering=0)
        self._in: IO[bytes] = os.fdopen(os.dup(0), "rb")
        os.dup2(2, 1)  # what libraries print must not come between the messages
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device, not a path
            os.dup2(nothing.fileno(), 0)

    def send(self, **message: Any) -> None:
        """Send a message; ends this process where the service is gone."""
        try:
            self._out.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            os._exit(0)

    def messages(self) -> Iterator[Message]:
        """Messages until the service closes the connection."""
        for line in self._in:
            yield json.loads(line)
