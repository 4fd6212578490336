"""A headless Chromium for tests, controlled through the DevTools protocol over a pipe."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def executable() -> str | None:
    """Path of Chromium: ``WILDSR_CHROMIUM``, or one of the usual names."""
    named = os.environ.get("WILDSR_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """A running page; ``events`` holds all protocol events so far."""

    def __init__(self, reader: int, writer: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._reader, self._writer = reader, writer
        self._number, self._rest, self._session = 0, b"", None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, page: Path | str, width: int = 1280, height: int = 900, touch: bool = False) -> None:
        """Load a file or an address, with a window of this size; earlier events are dropped."""
        self.events.clear()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=2)
        self.run("document.left = true")  # the old document may still answer for a moment
        url = page.as_uri() if isinstance(page, Path) else page
        self.send("Page.navigate", url=url)
        self.until(
            "!document.left && document.readyState === 'complete'"
            f" && location.protocol === {url.partition('//')[0]!r}",
            page,
        )

    def until(self, expression: str, what: object = None, seconds: float = 60) -> Any:
        """Wait until some JavaScript is truthy, and return its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := self.run(expression):
                return found
            time.sleep(0.05)
        shown = self.run("document.body.innerText")
        raise TimeoutError(
            f"not within {seconds} seconds: {what or expression}\n{self.complaints()}\nthe page: {shown}"
        )

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Put files into an ``<input type=file>``."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript and return its value; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def middle(self, selector: str, x: float = 0.5, y: float = 0.5) -> tuple[float, float]:
        """Scroll an element into view, and return a point of it."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({selector!r});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()"
        )
        return box[0] + x * box[2], box[1] + y * box[3]

    def mouse(self, *points: tuple[float, float], clicks: int = 1) -> None:
        """Press the mouse button at the first point, move over the others, release it at the last."""
        for kind, at in (
            ("mousePressed", points[0]),
            *(("mouseMoved", p) for p in points),
            ("mouseReleased", points[-1]),
        ):
            buttons = {"button": "left", "buttons": 1, "clickCount": clicks}
            self.send("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **buttons)

    def touch(self, *frames: list[tuple[float, float]]) -> None:
        """Touch with fingers at these points, frame by frame, then lift them."""
        for index, frame in enumerate(frames):
            points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(frame)]
            self.send(
                "Input.dispatchTouchEvent", type="touchMove" if index else "touchStart", touchPoints=points
            )
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key: str, text: str | None = None, modifiers: int = 0) -> None:
        """Press and release a key; ``modifiers`` is 8 for Shift."""
        extra: dict[str, Any] = {"modifiers": modifiers, **({"text": text} if text else {})}
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        code = {"windowsVirtualKeyCode": codes[key]} if key in codes else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **code, **extra)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def screenshot(self, whole: bool = False) -> bytes:
        """A PNG screenshot of the visible part, or of the whole page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def complaints(self) -> list[Any]:
        """Errors on the console, and exceptions."""
        self.run("0")
        return [
            event["params"]
            for event in self.events
            if event.get("method") == "Runtime.exceptionThrown"
            or (event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error")
            or (event.get("method") == "Runtime.consoleAPICalled" and event["params"]["type"] == "error")
        ]

    def requests(self) -> list[str]:
        """The requested addresses."""
        self.run("0")
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reader], [], [], 60)
            if not ready:
                raise TimeoutError("Chromium says nothing")
            part = os.read(self._reader, 1 << 20)
            if not part:
                raise EOFError("Chromium ended")
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found


@contextlib.contextmanager
def chromium(program: str, folder: Path) -> Iterator[Chromium]:
    """Run Chromium with its profile in ``folder`` while the block runs."""
    to_child, writer = os.pipe()
    reader, from_child = os.pipe()
    # The protocol's pipe is file descriptors 3 and 4 of the child.
    shell = f'exec 3<&{to_child} 4>&{from_child}; exec "$0" "$@"'
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--remote-debugging-pipe",
    ]
    # Nothing but the page under test makes requests.
    options += ["--disable-quic", "--disable-background-networking", "--disable-component-update"]
    options += ["--disable-sync", "--no-first-run", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        ["bash", "-c", shell, program, *options],
        pass_fds=(to_child, from_child),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_child)
    os.close(from_child)
    try:
        yield Chromium(reader, writer)
    finally:
        process.terminate()
        process.wait(20)
        os.close(reader)
        os.close(writer)
