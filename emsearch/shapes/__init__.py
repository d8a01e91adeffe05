"""Superposition, shape similarity, shape groups and size classes."""
