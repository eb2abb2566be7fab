"""Docstrings of functions that have the parameters and results of another library's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any


def named_after(other: str, namespace: Mapping[str, Any], meaning: str) -> None:
    """Refer each function of a module to the one of the same name elsewhere, which has its parameters.

    Parameters
    ----------
    other : str
        Name of the other module, as ``"scipy.ndimage"``.
    namespace : mapping
        The globals of the module, of which the functions in ``__all__`` that belong to its package are meant.
    meaning : str
        What the reference is for, as a sentence.
    """
    package = namespace["__package__"] if namespace["__name__"] == namespace["__package__"] else namespace["__name__"]
    for name in namespace["__all__"]:
        function = namespace[name]
        # Without docstrings, under -OO, there is nothing to add to.
        if inspect.isfunction(function) and function.__module__.startswith(package) and function.__doc__:
            text = inspect.cleandoc(function.__doc__)
            function.__doc__ = f"{text}\n\nSee Also\n--------\n{other}.{name} : {meaning}\n"
