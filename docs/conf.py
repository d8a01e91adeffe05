"""How Sphinx makes the site: ``sphinx-build -W -n docs site``."""

import importlib.metadata
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("docs/_extensions", ".", "index", "cli")]

project = "emsearch"
author = "the emsearch authors"
release = importlib.metadata.version("emsearch")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["figures"]

# Formulas become MathML, which browsers draw by themselves: a site that loads no script from elsewhere.
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "emsearch"
html_copy_source = False
html_show_copyright = False
html_static_path: list[str] = []

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_param = False  # types stand as they are written, "(n, h, w), any real dtype", and are no links
napoleon_use_rtype = False

nitpick_ignore = [  # what other projects document: their sites would have to be asked while this one is built
    ("py:class", "numpy.dtype"),
    ("py:class", "numpy.ndarray"),
    ("py:class", "numpy.number"),
    ("py:class", "pathlib.Path"),
]
