"""
Edges, boundaries, surfaces
===========================

Edges as voxels, as points between voxels, as lines, and as meshes.
"""

import matplotlib.pyplot as plt
import numpy as np

from cormack import detect, phantoms

chest = phantoms.chest_ct(seed=1)
ct = chest.volume
z = 46

# %%
# Canny, in 3-D
# -------------
# `cormack.detect.canny` works on volumes, with sigma in mm and thresholds in HU per mm:
# no slice is treated alone.
edges = detect.canny(ct, sigma=2.0, low_threshold=10, high_threshold=40, unit="mm")
zero = detect.zero_crossings(ct, sigma=2.5, threshold=10, unit="mm")

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, image, title in zip(
    axes, (ct, edges, zero), ("CT", "canny", "zero_crossings"), strict=True
):
    ax.imshow(image.array[z], cmap="gray")
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# Lines between pixels
# --------------------
# `cormack.detect.find_contours` gives lines where a slice passes through a level, exact
# between pixels. A volume's slice is an image of its own, so the spacing is given.
lines = detect.find_contours(np.asarray(ct)[z], -400, spacing=ct.spacing[1:])
print(
    len(lines),
    "lines; the longest has",
    max(len(line) for line in lines),
    "points, in mm (y, x)",
)

fig, ax = plt.subplots(figsize=(5, 4.4), layout="constrained")
height, width = (
    count * size for count, size in zip(ct.shape[1:], ct.spacing[1:], strict=True)
)
ax.imshow(
    ct.array[z],
    cmap="gray",
    vmin=-1000,
    vmax=400,
    extent=(-0.65, width - 0.65, height - 0.65, -0.65),
)
for line in lines:
    ax.plot(line[:, 1], line[:, 0], linewidth=1)
ax.set(xlabel="mm", ylabel="mm", title="find_contours at -400 HU")
plt.show()

# %%
# Borders of labels
# -----------------
# `cormack.detect.find_boundaries` marks the voxels at which labels meet.
borders = detect.find_boundaries(chest.nodule_labels, mode="outer")
print(int(borders.sum()), "voxels around", int(chest.nodule_labels.max()), "nodules")

# %%
# Surfaces
# --------
# `cormack.detect.marching_cubes` makes triangles, in mm along the array's axes;
# `cormack.io.write_mesh` writes them as STL, PLY or OBJ, in the coordinates of the
# patient.
verts, faces, normals, _ = detect.marching_cubes(
    chest.lungs, spacing=ct.spacing, step_size=2
)
print(len(verts), "vertices,", len(faces), "triangles")

fig = plt.figure(figsize=(5, 4.5), layout="constrained")
ax = fig.add_subplot(projection="3d")
ax.plot_trisurf(
    verts[:, 2], verts[:, 1], faces, verts[:, 0], color="lightsteelblue", linewidth=0
)
ax.set(
    xlabel="x, mm",
    ylabel="y, mm",
    zlabel="z, mm",
    box_aspect=np.ptp(verts, axis=0)[::-1],
)
ax.view_init(elev=15, azim=-70)
plt.show()
