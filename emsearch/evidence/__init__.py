"""Many images together: what one unknown is, and what a sample is made of."""
