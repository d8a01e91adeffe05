"""The command line of emsearch: one file a verb; a command parses, calls the library once, and renders."""
