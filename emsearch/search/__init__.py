"""Particles to hits: embedding, vote, projection matching."""
