"""2D hybrid analysis: a structure bent along its normal modes until its simulated image is the one that was seen."""
