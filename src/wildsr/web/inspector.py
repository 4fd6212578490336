"""Child process that reads headers and makes small copies, so that a hostile file cannot reach the service itself.

Run as ``python -m wildsr.web.inspector``. Loads no torch.
"""

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wildsr.image.errors import ImageError, ImageTooLarge
from wildsr.web.channel import Message, Parent

_MEMORY = 8 << 30  # address space in bytes; large images are decoded line by line or rejected by their header


def answer(message: Message) -> dict[str, Any]:
    """Do what ``message`` asks for: "header", "thumbnail" or "screen" of the file "path"."""
    from wildsr.image.header import read_header, write_screen_copy, write_thumbnail

    path = Path(message["path"])
    try:
        if message["do"] == "header":
            return {"header": asdict(read_header(path))}
        target = Path(message["target"])
        part = target.with_name(f".{target.name}.part{target.suffix}")
        if message["do"] == "thumbnail":
            write_thumbnail(path, part, message["side"])
        else:
            write_screen_copy(path, part, message["max_pixels"])
        part.replace(target)
        return {"done": True}
    except ImageError as error:
        return {"error": str(error), "large": isinstance(error, ImageTooLarge)}
    except Exception as error:
        return {"error": f"{path} cannot be read ({type(error).__name__}: {error}).", "large": False}


def main() -> None:
    """Answer until the service is gone."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    parent = Parent()
    import wildsr.image.header  # noqa: F401 - loads libvips ahead of the first message

    parent.send(ready=True)
    for message in parent.messages():
        parent.send(**answer(message))


if __name__ == "__main__":
    main()
