"""The page of the steps of pipelines: every key, what it takes and its default, from the models themselves."""

from __future__ import annotations

import inspect
import json
from typing import Any

# What a kind of step is for; keys that all of its methods have are said here and not in each table.
_KINDS = {
    "filter": "Makes the image ``output`` (default ``image``) from the image ``input`` (default ``image``).",
    "enhance": "Makes the image ``output`` (default ``image``) from the image ``input`` (default ``image``).",
    "segment": "Makes the label map ``output`` from the image ``input`` (default ``image``).",
}
_WORDS = {"number": "number", "integer": "whole number", "boolean": "true or false", "string": "text", "null": "null"}


def page() -> str:
    """Return the page, as reStructuredText."""
    from cormack.pipeline.step_models import METHODS, SINGLE

    lines = ["Steps of a pipeline", "===================", ""]
    lines += [
        "Each step of a YAML file, with its keys. ``image`` is the working copy of the image and ``original`` the "
        "image as imported; steps name other images and label maps by ``output``, and later steps read them by these "
        "names. ``within`` names a label map. Lengths are in mm where the step says nothing else, grey values in the "
        "units of the image; a list that ends in dots has a number for each axis, (z, y, x). How steps are put "
        "together: :doc:`/pipeline`.",
        "",
    ]
    for kind, models in METHODS.items():
        lines += [*_title(kind, "-"), _KINDS[kind], ""]
        for model in models:
            lines += _step(model, model.model_fields["method"].default, "~")
    for kind, model in SINGLE.items():
        lines += _step(model, kind, "-")
    return "\n".join(lines) + "\n"


def _title(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _step(model: Any, name: str, line: str) -> list[str]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    lines = [*_title(name, line), inspect.cleandoc(model.__doc__ or ""), ""]
    # Names of images are said for the whole kind, where the step says nothing else.
    usual = {"step": None, "method": None}
    if line == "~":
        usual |= {"input": "image", "output": "image"}
    rows = []
    for key, value in schema["properties"].items():
        if key in usual and (usual[key] is None or value.get("default") == usual[key]):
            continue
        default = "required" if key in required else _yaml(value.get("default"))
        rows.append((f"``{key}``", _takes(value, schema.get("$defs", {})), default))
    if rows:
        lines += [".. list-table::", "   :widths: 30 50 20", "   :header-rows: 1", ""]
        for row in [("key", "takes", "default"), *rows]:
            lines += [f"   {'*' if k == 0 else ' '} - {text}" for k, text in enumerate(row)]
        lines += [""]
    return lines


def _yaml(value: Any) -> str:
    if value is None or value == {}:
        return ""
    # Numbers as people write them: 20000, not 20000.0.
    if isinstance(value, float):
        return f"``{value:g}``" if value < 1e6 else f"``{value}``"
    if isinstance(value, list | tuple):
        return f"``[{', '.join(_yaml(item).strip('`') for item in value)}]``"
    return f"``{value if isinstance(value, str) else json.dumps(value)}``"


def _takes(value: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What a JSON schema says, in words."""
    if "$ref" in value:
        fields = definitions[value["$ref"].rpartition("/")[2]]["properties"]
        return "``{" + ", ".join(f"{key}: {_takes(one, definitions)}" for key, one in fields.items()) + "}``"
    if "const" in value:
        return f"``{value['const']}``"
    if "enum" in value:
        return " or ".join(f"``{word}``" for word in value["enum"])
    if "anyOf" in value:
        # null only says that the key may be left out.
        found = [_takes(one, definitions) for one in value["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if value.get("type") == "array":
        if "prefixItems" in value:
            return "[" + ", ".join(_item(one, definitions) for one in value["prefixItems"]) + "]"
        return f"[{_takes(value['items'], definitions)}, ...]"
    if value.get("type") == "object":
        return "mapping"
    if "pattern" in value:
        return "name" if value["pattern"].startswith("^[A-Za-z]") else "checksum"
    return (_WORDS[value["type"]] + _bounds(value)).strip()


def _item(value: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A part of a pair, in which null means that there is no bound."""
    optional = any(one.get("type") == "null" for one in value.get("anyOf", ()))
    return _takes(value, definitions) + (" or null" if optional else "")


def _bounds(value: dict[str, Any]) -> str:
    low, high = value.get("minimum"), value.get("maximum")
    above, below = value.get("exclusiveMinimum"), value.get("exclusiveMaximum")
    words = [
        f"from {low:g}" if low is not None else f"above {above:g}" if above is not None else "",
        f"to {high:g}" if high is not None else f"below {below:g}" if below is not None else "",
    ]
    return "".join(f" {word}" for word in words if word)
