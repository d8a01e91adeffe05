"""The ResNet50 that tells shape groups apart, and its training."""
