import math

import pytest
import torch
from torch.nn import functional

from emsearch.network.losses import group_loss


def test_loss_of_a_case_worked_out_by_hand() -> None:
    # Two groups allowed of three; the softmax over logits (ln 3, 0) is (3/4, 1/4).
    logits = torch.tensor([[math.log(3), 0.0, 50.0]])
    allowed = torch.tensor([[True, True, False]])
    loss = group_loss(logits, torch.tensor([0]), allowed, 0.0)
    assert float(loss) == pytest.approx(math.log(4 / 3))
    smoothed = group_loss(logits, torch.tensor([0]), allowed, 0.2)
    assert float(smoothed) == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.3])
def test_loss_is_the_smoothed_cross_entropy_where_all_groups_are_allowed(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(20, 7, generator=generator) * 3
    group = torch.randint(7, (20,), generator=generator)
    expected = functional.cross_entropy(logits, group, label_smoothing=smoothing)
    torch.testing.assert_close(group_loss(logits, group, torch.ones(20, 7).bool(), smoothing), expected)


def test_groups_of_other_classes_neither_count_nor_learn() -> None:
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    allowed = torch.tensor([[True, True, True, False, False]]).expand(4, 5)
    group = torch.tensor([0, 1, 2, 0])
    loss = group_loss(logits, group, allowed, 0.1)
    expected = functional.cross_entropy(logits[:, :3], group, label_smoothing=0.1)
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert bool(torch.isfinite(gradient).all())
    assert not gradient[:, 3:].any()
