import pytest
import torch
from torch import Tensor
from torch.nn import functional

from emsearch.build.adding.proxies import fit_proxies
from emsearch.network.model import ShapeNetwork

WIDTH, GROUPS, VIEWS = 16, 12, 40


@pytest.fixture(scope="module")
def views() -> Tensor:
    """Return unit embeddings (groups, views, width) about directions of their own and one that all share."""
    random = torch.Generator().manual_seed(0)
    centre = torch.randn(GROUPS, 1, WIDTH, generator=random)
    shared = 2.0 * torch.randn(1, 1, WIDTH, generator=random)
    noise = 0.5 * torch.randn(GROUPS, VIEWS, WIDTH, generator=random)
    return functional.normalize(centre + shared + noise, dim=2)


@pytest.fixture(scope="module")
def network(views: Tensor) -> ShapeNetwork:
    """Return a network whose directions are those of the first ten groups, without what all share."""
    torch.manual_seed(0)
    network = ShapeNetwork(GROUPS - 2, width=WIDTH).eval()
    mean = views.mean(1)
    network.proxies.data = 1.5 * functional.normalize(mean[:-2] - mean[:-2].mean(0), dim=1)
    return network


def shares(network: ShapeNetwork, proxies: Tensor, views: Tensor) -> Tensor:
    """Return the mean probabilities (groups, groups) of each group's views with new directions put behind."""
    whole = ShapeNetwork(GROUPS, width=WIDTH).eval()
    whole.log_scale.data = network.log_scale.data
    whole.proxies.data = torch.cat([network.proxies.data, proxies])
    with torch.no_grad():
        found = torch.softmax(whole.classify(views.flatten(0, 1)), 1)
    return torch.stack([part.mean(0) for part in found.split(VIEWS)])


def test_new_groups_win_their_own_views_and_leave_the_others_theirs(
    network: ShapeNetwork, views: Tensor
) -> None:
    before = network.proxies.clone()
    old = views[:-2].flatten(0, 1)
    number = torch.arange(GROUPS - 2).repeat_interleave(VIEWS)
    proxies = fit_proxies(network, range(GROUPS - 2), old, number, [views[-2], views[-1, :7]])
    assert proxies.shape == (2, WIDTH) and not proxies.requires_grad
    assert proxies.norm(dim=1).tolist() == pytest.approx([1.5, 1.5])
    assert torch.equal(network.proxies, before)
    fitted = shares(network, proxies, views)
    assert (fitted[-2:].argmax(1) == torch.tensor([GROUPS - 2, GROUPS - 1])).all()
    taken = fitted[:-2, -2:].mean()
    assert taken < 1 / GROUPS
    mean = functional.normalize(views[-2:].mean(1), dim=1)
    assert taken < 0.2 * shares(network, mean, views)[:-2, -2:].mean()


def test_groups_of_other_size_classes_are_no_rivals(network: ShapeNetwork, views: Tensor) -> None:
    old, number = views[:3].flatten(0, 1), torch.arange(3).repeat_interleave(VIEWS)
    alone = fit_proxies(network, range(3), old, number, [views[-1]])
    among_all = fit_proxies(network, range(GROUPS - 2), old, number, [views[-1]])
    assert not torch.allclose(alone, among_all, atol=1e-3)
