"""Links to files of the run, and pictures inside the page."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from urllib.parse import quote

from .formatting import words
from .reading import Json, inside

__all__ = ["Pictures", "grid"]

_BUDGET = 96 * 2**20  # bytes of PNG in one page; beyond it browsers crawl, and pictures become links


class Pictures:
    """PNG files as data URIs, within a budget for the whole page."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.left = _BUDGET

    def link(self, folder: Path | None, file: str) -> str:
        """A relative address for a file that exists, or the empty string."""
        path = None if folder is None else inside(self.out, str(folder / file))
        if path is None or not path.is_file():
            return ""
        relative = path.relative_to(self.out.resolve()).as_posix()
        return quote(relative.encode("utf-8", "surrogateescape"))  # a colon is quoted too: never a scheme

    def view(self, folder: Path | None, picture: Json) -> Json:
        """A picture with its data, or the problem that keeps it out of the page."""
        link = self.link(folder, picture["file"])
        view: Json = {
            "file": picture["file"],
            "plane": words(picture["plane"]),
            "caption": picture["caption"],
            "link": link,
            "data": "",
            "width": 1,
            "height": 1,
            "problem": "",
        }
        if folder is None or not link:
            return {**view, "problem": "the picture is missing"}
        content = (folder / picture["file"]).read_bytes()
        if len(content) > self.left:
            return {**view, "problem": "not embedded, to keep this page light"}
        self.left -= len(content)
        # The size comes first in every PNG file, behind 16 bytes that are always the same.
        width, height = struct.unpack(">II", content[16:24])
        data = "data:image/png;base64," + base64.b64encode(content).decode()
        return {**view, "data": data, "width": width, "height": height}


def grid(views: list[Json]) -> str:
    """Give pictures widths in proportion to shapes, hence equal heights; two flat ones share the height of the first.

    Returns the columns of a CSS grid, empty for a plain row.
    """
    shapes = [min(8.0, max(0.4, view["width"] / view["height"])) for view in views]
    for view, shape in zip(views, shapes, strict=True):
        view["share"] = f"{min(2.6, max(0.5, shape)):.3f}"
    if len(shapes) == 3 and min(shapes[1:]) > 1.4 and all(view["data"] for view in views):
        first = shapes[0] * (1 / shapes[1] + 1 / shapes[2])
        return f"{min(1.6, max(0.5, first)):.3f}fr 1fr"
    return ""
