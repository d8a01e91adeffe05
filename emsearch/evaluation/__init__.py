"""How often the right shape group comes first, and the ceiling beside it."""
