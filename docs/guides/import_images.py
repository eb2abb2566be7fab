"""
Import images and their geometry
================================

`cormack.io.read` takes a file or a folder: a DICOM series, NIfTI, NRRD, MetaImage,
OME-Zarr, a 2-D image. What comes out is always a `cormack.Volume`: voxels, the size of
a voxel in mm, the place in the patient.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pydicom

from cormack import GeometryError, Volume, io

# Images that come with two libraries: a brain MR in NIfTI, a CT slice in DICOM.
brain_file = Path(nibabel.__file__).parent / "tests" / "data" / "example4d.nii.gz"
slice_file = Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"

brain = io.read(brain_file, volume=0)  # the first volume of two
spine = io.read(slice_file)
print(brain)
print(spine)

# %%
# Stored values have become Hounsfield units: slope and intercept of the file are
# applied. ``meta`` says what a pipeline needs to know, and never who the patient is.
print(spine.meta["modality"], spine.meta["units"], spine.array.min(), spine.array.max())

# %%
# Axes and the patient
# --------------------
# ``axes LAS`` says where x, y and z run to: to the left, the front and the head.
# `cormack.Volume.reorient` turns a volume, and voxels keep their place in the patient.
# Cormack's world is that of DICOM: x to the left, y to the back, z to the head.
turned = brain.reorient("LPS")
index = (12, 20, 30)
print("voxel", index, "lies at", brain.index_to_world(index).round(1), "mm (z, y, x)")
print(
    "which is voxel",
    turned.world_to_index(brain.index_to_world(index)).round(1),
    "of the turned volume",
)

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, image, title in zip(
    axes,
    (brain, turned, spine),
    ("as stored, LAS", "turned to LPS", "CT, LPS"),
    strict=True,
):
    ax.imshow(
        image.array[image.shape[0] // 2],
        cmap="gray",
        aspect=image.spacing[1] / image.spacing[2],
    )
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# Another voxel size
# ------------------
# `cormack.Volume.resample` makes a grid with the spacing that is asked for;
# `cormack.Volume.resample_to` puts an image on the grid of another one. Label maps keep
# their labels with ``interpolation="nearest"``.
even = brain.resample(1.0)
print(brain.shape, brain.spacing, "->", even.shape, even.spacing)

fig, axes = plt.subplots(1, 2, figsize=(8, 2.4), layout="constrained")
for ax, image, title in zip(
    axes, (brain, even), ("2.2 x 2 x 2 mm", "1 x 1 x 1 mm"), strict=True
):
    middle = image.array[:, image.shape[1] // 2]
    ax.imshow(
        middle, cmap="gray", origin="lower", aspect=image.spacing[0] / image.spacing[2]
    )
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# Two grids never mix by accident
# -------------------------------
# Whatever takes two images compares their geometry first, and says what differs.
try:
    brain.check_geometry(even)
except GeometryError as error:
    print(error)

# %%
# Write, and read a mask
# ----------------------
# `cormack.io.write` writes NIfTI, NRRD, MetaImage and OME-Zarr. `cormack.io.read_mask`
# reads masks, from DICOM RTSTRUCT and SEG too, and puts them on the grid of the image.
folder = Path(tempfile.mkdtemp())
io.write(brain.replace(brain.array > 300), folder / "mask.nii.gz")
mask = io.read_mask(folder / "mask.nii.gz", reference=brain)
print(mask, int(mask.array.sum()), "voxels")

# %%
# An array without a file becomes a volume with one call:
print(Volume(np.zeros((20, 64, 64), np.int16), spacing=(3.0, 0.9, 0.9)))

# %%
# Whole archives: ``cormack scan`` lists every volume below a folder from headers alone,
# ``cormack import`` writes each as NIfTI or OME-Zarr, see `cormack.io.scan` and
# `cormack.io.import_archive`.
