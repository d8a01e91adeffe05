"""The number format in which the network computes: 16 bits where the device multiplies them faster, else 32."""

from functools import lru_cache

import torch

__all__ = ["autocast", "fast_dtype"]


@lru_cache
def fast_dtype(device_type: str) -> torch.dtype:
    """Return the fastest format that a device ("cpu", "cuda") has instructions for.

    A processor without them imitates bfloat16, and the network then takes seven times as long as in float32
    (docs/decisions/0008).
    """
    if device_type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    has = torch.cpu.get_capabilities()
    return torch.bfloat16 if any(there and "bf16" in name for name, there in has.items()) else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Return the context in which the network runs on a device."""
    kind = fast_dtype(device.type)
    return torch.autocast(device.type, dtype=kind, enabled=kind != torch.float32)
