"""Links to files of the run, and pictures inside the page."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..._report.formatting import words
from .reading import Json, inside, read_case

__all__ = ["Pictures", "grid"]

_BUDGET = 10 * 2**20  # bytes of PNG in one page, which stays below 20 MB; beyond it pictures lie beside the page


class Pictures:
    """PNG files as data URIs, within a budget for the whole page: all cases alike, or none.

    Thumbnails and the planes of the viewer come first, then overlay pictures, then slices. Planes that do not fit lie
    in a page of their own beside each case.
    """

    def __init__(self, out: Path, entries: Sequence[Json] = ()) -> None:
        self.out = out
        small, planes, pictures, slices = 0, 0, 0, 0
        for entry in entries:
            case = read_case(out, entry)
            folder = case["folder"]
            small += self._bytes(folder, case["planes"].get("thumbnail"))
            planes += self._bytes(folder, case["planes"].get("file"))
            slices += self._bytes(folder, _slices_file(case["planes"]))
            pictures += sum(self._bytes(folder, picture.get("file")) for picture in case["pictures"])
        self.embeds_thumbnails = small <= _BUDGET
        self.embeds_planes = small + planes <= _BUDGET
        self.embeds_pictures = small + planes + pictures <= _BUDGET

        self.embeds_slices = small + planes + pictures + slices <= _BUDGET

    def _bytes(self, folder: Path | None, file: Any) -> int:
        path = self._path(folder, file) if isinstance(file, str) else None
        return path.stat().st_size if path else 0

    def _path(self, folder: Path | None, file: str) -> Path | None:
        path = None if folder is None else inside(self.out, str(folder / file))
        return path if path is not None and path.is_file() else None

    def data(self, folder: Path | None, file: Any) -> str:
        """A PNG file in base64, or the empty string."""
        path = self._path(folder, file) if isinstance(file, str) else None
        content = path.read_bytes() if path else b""
        return base64.b64encode(content).decode() if content.startswith(b"\x89PNG") else ""

    def link(self, folder: Path | None, file: str) -> str:
        """A relative address for a file that exists, or the empty string."""
        path = self._path(folder, file)
        if path is None:
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
        if not self.embeds_pictures:
            return {**view, "problem": "not embedded, to keep this page light"}
        content = (folder / picture["file"]).read_bytes()
        # The size comes first in every PNG file, behind 16 bytes that are always the same.
        width, height = struct.unpack(">II", content[16:24])
        data = "data:image/png;base64," + base64.b64encode(content).decode()
        return {**view, "data": data, "width": width, "height": height}

    def slices(self, folder: Path | None, entry: Json) -> str:
        """The stack of slices of a case in base64, or the empty string."""
        return self.data(folder, _slices_file(entry))

    def planes(self, folder: Path | None, entry: Json) -> Json | None:
        """The planes of a case for the viewer; None where it has none that can be shown."""
        keys = ("levels", "window", "units", "labels", "views")
        if not all(entry.get(key) is not None for key in keys) or not self.link(folder, str(entry.get("file"))):
            return None
        thumbnail = self.data(folder, entry.get("thumbnail")) if self.embeds_thumbnails else ""
        facts = {key: entry[key] for key in keys} | {"slices": entry.get("slices")}
        return {
            "thumbnail": f"data:image/png;base64,{thumbnail}" if thumbnail else "",
            "slices": self.slices(folder, entry) if self.embeds_slices else "",
            "sheet": self.data(folder, entry["file"]) if self.embeds_planes else "",
            "facts": json.dumps(facts, separators=(",", ":")),
            "beside": not self.embeds_planes,
        }


def _slices_file(entry: Json) -> Any:
    slices = entry.get("slices")
    return slices.get("file") if isinstance(slices, dict) else None


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
