"""Names in docstrings: links to what is public in Cormack and to the pages of SciPy, scikit-image and NumPy."""

from __future__ import annotations

import re
from typing import Any

import reference
from docutils import nodes
from sphinx.util.docutils import SphinxRole

# Where other projects have the page of a name; None where there is no address made of the name.
OTHERS = (
    (r"(scipy\.\w+\.\w+)", r"https://docs.scipy.org/doc/scipy/reference/generated/\1.html"),
    (r"(numpy\.\w+)", r"https://numpy.org/doc/stable/reference/generated/\1.html"),
    (r"((skimage\.\w+)\.\w+)", r"https://scikit-image.org/docs/stable/api/\2.html#\1"),
    (r"SimpleITK\.\w+", None),
)


class Name(SphinxRole):
    """`name`: a link where it is public, in the class or namespace of the page or with its own; else a word of code."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link or the word."""
        word = self.text.removeprefix("cormack.").removesuffix("()")
        module = self.env.ref_context.get("py:module") or "cormack"
        inside = self.env.ref_context.get("py:class") or ""
        places = (f"{module}.{inside}.{word}", f"{module}.{word}", f"cormack.{word}")
        target = next((reference.PAGE_OF[place] for place in places if place in reference.PAGE_OF), None)
        if target is None:
            return [nodes.literal(self.rawtext, self.text)], []
        return self.inliner.interpreted(self.rawtext, f"{self.text} <{target}>", "py:obj", self.lineno)


def link_to_others(app: Any, env: Any, node: Any, content: Any) -> nodes.Node | None:
    """Resolve what See Also names of other libraries."""
    for pattern, address in OTHERS:
        match = re.fullmatch(pattern, node.get("reftarget", ""))
        if match:
            return nodes.reference("", "", content, refuri=match.expand(address)) if address else content
    return None


def setup(app: Any) -> dict[str, bool]:
    """Register the role and the resolver."""
    app.add_role("name", Name())
    app.connect("missing-reference", link_to_others)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
