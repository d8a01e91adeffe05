"""Stacks of particles searched as streams: chunks in, rows out, resumable; sets of particles answered together."""
