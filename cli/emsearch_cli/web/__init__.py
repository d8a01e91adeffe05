"""The local page: the search, the catalogue and SQL in a browser, and the same as an HTTP interface."""
