import pytest
import torch

from worker_llm.writers.local import compute_type


@pytest.mark.parametrize(
    ("device", "able", "expected"),
    [
        ("cpu", {"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ("cpu", {"avx2": True, "avx512_bf16": True}, torch.bfloat16),
        ("cpu", {"amx_bf16": True}, torch.bfloat16),
        ("cpu", {"neon": True, "bf16": True}, torch.bfloat16),
        ("cpu", {"neon": True, "bf16": False}, torch.float32),
        ("cuda", {"avx2": True}, torch.bfloat16),
    ],
)
def test_a_cpu_computes_in_bfloat16_only_where_it_has_instructions_for_it(
    monkeypatch, device, able, expected
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert compute_type(device) == expected
