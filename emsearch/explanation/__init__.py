"""Why an image matched: what of it speaks for a hit, in the image, in the network and in the structure."""
