"""Recognises errors that mean that memory ran out. Loads no torch."""

import sys


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a runtime's error means that memory ran out; each runtime words it differently."""
    text = str(error).lower()
    signs = ("out of memory", "not enough memory", "can't allocate memory", "failed to allocate", "bad_alloc")
    torch = sys.modules.get("torch")
    of_torch = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return of_torch or isinstance(error, MemoryError) or any(sign in text for sign in signs)
