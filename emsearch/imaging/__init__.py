"""Bead models to images: stain, optics and noise (numba on the CPU, torch on the GPU)."""
