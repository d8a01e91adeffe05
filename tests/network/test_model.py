import torch
from torch.nn import functional

from emsearch.network.model import SKETCH_PX, ShapeNetwork


def test_embeddings_have_unit_length_and_logits_are_scaled_cosines() -> None:
    torch.manual_seed(1)
    network = ShapeNetwork(5, width=16).eval()
    images = torch.randn(3, 1, 32, 32)
    with torch.no_grad():
        embedding = network.embed(images)
        logits, sketch = network(images)
    assert embedding.shape == (3, 16)
    assert embedding.dtype == torch.float32
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))
    cosine = functional.cosine_similarity(embedding[:, None], network.proxies[None], dim=2)
    torch.testing.assert_close(logits, 16 * cosine)
    assert sketch.shape == (3, SKETCH_PX**2)


def test_the_scale_of_the_logits_is_bounded() -> None:
    network = ShapeNetwork(2, width=4)
    torch.nn.init.constant_(network.log_scale, 100.0)
    embedding = functional.normalize(torch.randn(3, 4), dim=1)
    assert float(network.classify(embedding).abs().max().detach()) <= 64.001


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(1)
    network = ShapeNetwork(2, width=8, dropout=0.5)
    features = torch.rand(4, 2048)
    network.train()
    assert not torch.equal(network.embed_features(features), network.embed_features(features))
    network.eval()
    assert torch.equal(network.embed_features(features), network.embed_features(features))
