"""What `import cormack` costs and drags in."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import cormack

HEAVY = (
    "scipy",
    "pandas",
    "pydicom",
    "matplotlib",
    "nibabel",
    "PIL",
    "torch",
    "cupy",
    "pydantic",
    "pyarrow",
    "skimage",
)


def modules_after(statement: str) -> set[str]:
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return {name.split(".")[0] for name in json.loads(result.stdout)}


def test_import_needs_numpy_alone():
    assert not modules_after("import cormack").intersection(HEAVY)


def test_operations_need_numpy_alone():
    statement = (
        "import numpy, cormack; cormack.filters.gaussian_filter(numpy.zeros((8, 8), 'f4'), 1.0); "
        "cormack.segment, cormack.enhance, cormack.features"
    )
    assert not modules_after(statement).intersection(HEAVY)


def test_every_public_name_is_there():
    for name in cormack.__all__:
        assert getattr(cormack, name) is not None
    assert set(cormack.__all__) <= set(dir(cormack))


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [("monai", "monai", r"cormack\[monai\]"), ("napari._widgets", "magicgui", r"cormack\[napari\]")],
)
def test_what_is_missing_is_said(monkeypatch, module, library, extra):
    for name in [name for name in sys.modules if name.startswith((f"cormack.compat.{module}", f"{library}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(cormack.BackendUnavailable, match=f"is not installed; pip install .{extra}"):
        importlib.import_module(f"cormack.compat.{module}")


def test_the_plugin_for_napari_needs_no_napari():
    found = modules_after("import cormack.compat.napari")
    assert not found & {"napari", "magicgui", "qtpy", "torch", "monai", "pydicom", "SimpleITK"}
