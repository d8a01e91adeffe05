"""The shapes of an index to look at: their projections, a card of each, and the map of all."""
