"""What was found, as one page that people read: no scripts, nothing from outside, good on paper too."""
