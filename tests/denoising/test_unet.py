import torch

from emsearch.denoising.patch_gan import PatchJudge, opponent_loss
from emsearch.denoising.unet import DenoisingNetwork


def test_a_guess_is_as_large_as_its_image_and_alone() -> None:
    network = DenoisingNetwork(8).eval()
    images = torch.randn(3, 1, 64, 64)
    with torch.inference_mode():
        together, alone = network(images), network(images[:1])
    assert together.shape == images.shape
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-4)


def test_the_judge_is_trained_to_tell_real_from_guessed() -> None:
    judge = PatchJudge(8)
    images = torch.randn(2, 1, 64, 64)
    odds = judge(images, images)
    assert odds.shape[:2] == (2, 1) and odds.shape[2] > 8
    assert float(opponent_loss(torch.tensor([9.0]), torch.tensor([-9.0]))) < 1e-3
    assert float(opponent_loss(torch.tensor([-9.0]), torch.tensor([9.0]))) > 8
