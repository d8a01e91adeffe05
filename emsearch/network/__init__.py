"""The ResNet50 that tells shape groups apart, and its training."""

import os

# Maps of many megabytes come and go with each layer; in pages of 4 kB the system spends a tenth to a third of the network's
# time on them (docs/decisions/0008-convolutions-as-products.md). Torch reads this once, before its first large tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
