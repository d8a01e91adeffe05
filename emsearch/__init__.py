"""emsearch: name the PDB structures that a particle in the electron microscope looks like."""

__version__ = "0.1.0"
