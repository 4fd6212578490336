"""Image files to tensors and back, on libvips; the only package that reads or writes image files.

Names are imported on first use: ``wildsr.image.formats`` must be importable without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.image.alpha import bleed as bleed
    from wildsr.image.canvas import Canvas as Canvas
    from wildsr.image.color import quantize as quantize
    from wildsr.image.errors import ImageError as ImageError
    from wildsr.image.formats import Depth as Depth
    from wildsr.image.formats import Format as Format
    from wildsr.image.formats import Size as Size
    from wildsr.image.loaded import LoadedImage as LoadedImage
    from wildsr.image.loaded import Traits as Traits
    from wildsr.image.reader import probe as probe
    from wildsr.image.reader import read as read
    from wildsr.image.reader import read_levels as read_levels
    from wildsr.image.reader import read_windows as read_windows
    from wildsr.image.writer import check_writable as check_writable
    from wildsr.image.writer import render as render
    from wildsr.image.writer import write as write
    from wildsr.image.writer import write_rgb as write_rgb

_HOME_OF = {
    "Canvas": "canvas",
    "Depth": "formats",
    "Format": "formats",
    "LoadedImage": "loaded",
    "ImageError": "errors",
    "Size": "formats",
    "Traits": "loaded",
    "bleed": "alpha",
    "check_writable": "writer",
    "probe": "reader",
    "quantize": "color",
    "read": "reader",
    "read_levels": "reader",
    "read_windows": "reader",
    "render": "writer",
    "write": "writer",
    "write_rgb": "writer",
}

__all__ = [
    "Canvas",
    "Depth",
    "Format",
    "ImageError",
    "LoadedImage",
    "Size",
    "Traits",
    "bleed",
    "check_writable",
    "probe",
    "quantize",
    "read",
    "read_levels",
    "read_windows",
    "render",
    "write",
    "write_rgb",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.image' has no attribute {name!r}")
    value = getattr(import_module(f"wildsr.image.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
