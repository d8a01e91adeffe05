"""The number format of the network: bfloat16 where the device has it, else float32, which needs no scaled loss."""

from functools import lru_cache

import torch

__all__ = ["autocast", "fast_dtype"]


@lru_cache
def fast_dtype(device_type: str) -> torch.dtype:
    """Return the format in which a device ("cpu", "cuda") computes: bfloat16 if it has instructions for it, else float32.

    A processor without imitates bfloat16, and the network then takes seven times as long as in float32
    (docs/decisions/0008).
    """
    if device_type == "cuda":
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_it = any(there and "bf16" in name for name, there in torch.cpu.get_capabilities().items())
    return torch.bfloat16 if has_it else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Return the context in which the network runs on a device."""
    kind = fast_dtype(device.type)
    return torch.autocast(device.type, dtype=kind, enabled=kind != torch.float32)
