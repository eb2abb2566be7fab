"""Sphinx configuration: `python -m sphinx -W docs build/docs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import reference

import cormack

project = "Cormack"
author = "The Cormack developers"
copyright = author
version = release = cormack.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "names",
]
templates_path = ["_templates"]
exclude_patterns = ["guides"]
nitpicky = True
# `name` in a docstring is a function of Cormack or a word of code, see _extensions/names.py.
default_role = "name"

source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4

autosummary_context = {"own_members": reference.write(Path(__file__).parent / "reference")}
# By name: of pages that are new, a build that goes on from an older one knows nothing yet.
autosummary_generate = sorted(f"reference/{path.name}" for path in (Path(__file__).parent / "reference").glob("*.rst"))
# The docstrings say what arguments are, and more exactly than hints.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "guides",
    "gallery_dirs": "howto",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "guides.GuideOrder",
    "nested_sections": True,
    "abort_on_example_error": True,
    "reset_modules": ("guides.set_up_pictures",),
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,
    "copyfile_regex": r"GALLERY_HEADER\.rst",
    # Functions link to their pages, and those show the guides that use them.
    "doc_module": ("cormack",),
    "reference_url": {"cormack": None},
    "backreferences_dir": "reference/generated/guides",
    "inspect_global_variables": False,
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

linkcheck_timeout = 15
linkcheck_retries = 2

html_theme = "pydata_sphinx_theme"
html_title = "Cormack"
html_static_path = ["_static"]
html_css_files = ["cormack.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "benchmarks": [], "contract": []}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "show_prev_next": True,
    # Wide tables get the room.
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{page: [] for page in ("contract", "ndimage", "migration-scipy", "migration-sitk", "migration-skimage")},
    },
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
