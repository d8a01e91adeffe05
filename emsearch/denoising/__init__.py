"""A U-Net from a noisy particle image to the clean, fully stained projection: a guess, and labelled as one."""
