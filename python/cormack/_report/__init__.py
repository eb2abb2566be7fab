"""What the HTML reports have in common: their look, the frame of the page, numbers as text, axes of plots."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from .._errors import BackendUnavailable
from .formatting import memory, number, seconds

__all__ = ["style_and_script", "template"]

_HERE = Path(__file__).parent


def template(folder: Path, name: str, **filters: Callable[..., object]) -> Any:
    """Return a Jinja template of `folder`, which may extend and import those that all reports share.

    Parameters
    ----------
    folder : Path
        Where the templates of one report are.
    name : str
        File name of a template.
    **filters : callable
        Jinja filters of this report, beside those of all.

    Raises
    ------
    BackendUnavailable
        If Jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise BackendUnavailable('the report needs Jinja2; install it with: pip install "cormack[cohort]"') from error
    return _compiled(folder, name, tuple(filters.items()))


# To compile a page takes longer than to fill it in.
@lru_cache(maxsize=16)
def _compiled(folder: Path, name: str, filters: tuple[tuple[str, Callable[..., object]], ...]) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader((folder, _HERE)),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(number=number, seconds=seconds, memory=memory, **dict(filters))
    return environment.get_template(name)


def style_and_script(folder: Path, scripts: Sequence[str], styles: Sequence[str] = ("page.css",)) -> dict[str, str]:
    """Return what ``base.html.jinja`` asks for: `style`, `script` and `script_digest`.

    Parameters
    ----------
    folder : Path
        Where the files of one report are; names that it does not have are those of all reports.
    scripts, styles : sequence of str
        File names, in the order in which they take effect.
    """
    script = _joined(folder, scripts)
    return {
        "style": _joined(folder, styles),
        "script": script,
        # Allows the page's one script, and no other, in its content policy.
        "script_digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def _joined(folder: Path, names: Sequence[str]) -> str:
    places = (folder / name if (folder / name).is_file() else _HERE / name for name in names)
    return "".join(place.read_text("utf-8") for place in places)
