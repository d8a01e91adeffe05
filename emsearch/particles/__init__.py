"""Stacks and tables of particles: where their pixels are, and what is known of their optics."""
