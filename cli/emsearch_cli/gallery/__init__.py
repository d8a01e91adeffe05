"""Shapes drawn: cards, sheets of many groups, and the map of the shape space."""
