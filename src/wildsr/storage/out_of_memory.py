"""Recognises errors that mean that memory ran out."""

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a runtime's error means that memory ran out; each runtime words it differently."""
    text = str(error).lower()
    signs = ("out of memory", "not enough memory", "can't allocate memory", "failed to allocate", "bad_alloc")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in text for sign in signs)
