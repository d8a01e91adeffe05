"""The number format of the network."""

from collections.abc import Iterator

import pytest
import torch

from emsearch.network.precision import autocast, fast_dtype


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    fast_dtype.cache_clear()
    yield
    fast_dtype.cache_clear()


@pytest.mark.parametrize(
    ("has", "kind"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"neon": True, "bf16": True}, torch.bfloat16),
        ({"architecture": "x86_64"}, torch.float32),
    ],
)
def test_a_processor_computes_in_what_it_has_instructions_for(
    has: dict[str, object], kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    with autocast(torch.device("cpu")):
        assert torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == kind


@pytest.mark.parametrize(("there", "kind"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_without_bfloat16_computes_in_float32(
    there: bool, kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: there)
    assert fast_dtype("cuda") == kind
