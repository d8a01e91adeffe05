"""The storage layer of an emsearch index: catalogue, vectors, manifest and publication."""
