"""Directions of new groups in the network's classifier, whose trunk and other directions stay as they were.

The mean embedding of a group's views is an obvious direction (Qi, Brown and Lowe, Low-shot learning with imprinted
weights, CVPR 2018), but not one that stands beside trained ones. In the shipped index these have a cosine of about 0
with views of other groups and of 0.3 to 0.45 with their own, the mean one of 0.1 to 0.4 and of 0.8 to 0.9: a group of
the smallest class would take 76 times its fair share of the probability of the others' views. So the mean is where a fit
starts: the loss of training (softmax over scaled cosines; Wang et al., NormFace, ACM MM 2017) over the views of all
groups of the size class, every group counting alike, in which the new directions alone may move. Fitted so, a group
takes 0.9 of its fair share.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from emsearch.network.model import ShapeNetwork

__all__ = ["fit_proxies"]

_ITERATIONS = 100


def fit_proxies(
    network: ShapeNetwork,
    rivals: Sequence[int],
    old: Tensor,
    group_of_old: Tensor,
    new: Sequence[Tensor],
) -> Tensor:
    """Return the directions of new groups of one size class, as long as the network's own are on average.

    Parameters
    ----------
    network : ShapeNetwork
        On the CPU; it is not changed.
    rivals : sequence of int
        Numbers of the old groups of the class among the network's.
    old : float32 (n, width)
        Unit embeddings of the views of old groups.
    group_of_old : int64 (n,)
        Which group each is a view of.
    new : sequence of float32 (m, width)
        For each new group, unit embeddings of its views.

    Returns
    -------
    float32 (new groups, width)
    """
    views = torch.cat([old, *new])
    with torch.no_grad():
        others = network.classify(views)[:, list(rivals)].logsumexp(1)
        itself = functional.normalize(network.proxies[:1], dim=1)
        scale = network.classify(itself)[0, 0]  # the logit of a cosine of 1
        length = network.proxies.norm(dim=1).mean()
    weight = torch.cat([_even(group_of_old), *(torch.full((len(one),), 1.0 / len(one)) for one in new)])
    mine = torch.repeat_interleave(torch.arange(len(new)), torch.tensor([len(one) for one in new]))
    found = torch.stack([one.mean(0) for one in new]).requires_grad_()
    optimizer = torch.optim.LBFGS([found], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        logits = scale * views @ functional.normalize(found, dim=1).T
        total = torch.logaddexp(others, logits.logsumexp(1))
        right = torch.cat([others[: len(old)], logits[len(old) :].gather(1, mine[:, None])[:, 0]])
        value = (weight * (total - right)).sum()
        value.backward()
        return value.item()

    optimizer.step(loss)
    proxies: Tensor = length * functional.normalize(found.detach(), dim=1)
    return proxies


def _even(group: Tensor) -> Tensor:
    """Return weights (n,) by which every group counts 1 in all."""
    count = torch.bincount(group)
    return 1.0 / count[group]
