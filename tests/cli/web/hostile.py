"""Fifty texts that would run if a page took them for markup, and what they would leave in it."""

MARKUP = (
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    '" autofocus onfocus=alert(1) x="',
    "</title></textarea><script>alert(1)</script>",
    "</code><iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "{{7*7}}{% raw %}<b>x</b>",
)
AROUND = (("", ""), ("x", ".png"), ("\u202e", ""), ("&lt;", "&gt;"), ("%3C", "%00"))
HOSTILE = tuple(f"{before}{text}{after}" for text in MARKUP for before, after in AROUND)

ELEMENTS = (
    "main b:not(.groups b), main iframe, main script, header b, header script, [onerror], [onload], [onfocus], "
    "[href^='javascript'], main [autofocus]"
)
"""What selects an element that such a text made; no page has one of its own."""


def shown(text: str) -> str:
    """Return such a text as a page shows it: what would turn the direction of writing is visible."""
    return text.replace("\u202e", "\ufffd")
