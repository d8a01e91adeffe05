"""Files to particle images, and what the files say of them."""
