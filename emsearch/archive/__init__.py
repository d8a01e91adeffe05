"""The PDB archive: which entries to take, and taking them."""
