"""Adding structures to an index that stands, without training."""
