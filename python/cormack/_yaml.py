"""YAML that only holds data, in which a key that is written twice is an error."""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["unique_loader"]


@functools.cache
def unique_loader() -> Any:
    """Return a safe loader (no objects) that refuses keys which are no words or are given twice.

    Raises
    ------
    ImportError
        PyYAML is not installed.
    """
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def unique_mapping(loader: Any, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is no word", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor("tag:yaml.org,2002:map", unique_mapping)
    return Loader
