"""Structure files to bead models and features (gemmi)."""
