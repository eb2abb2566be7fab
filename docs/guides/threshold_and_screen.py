"""
Thresholds, objects, and which of them to keep
==============================================

From grey values to a table of objects: a threshold that the image chooses itself,
connected components, their measurements, and a decision for each with its reason.
"""

import matplotlib.pyplot as plt
import pandas as pd

from cormack import anatomy, enhance, filters, phantoms, segment

chest = phantoms.chest_ct(seed=1)
ct = filters.median_filter(chest.volume, size=3)

# %%
# Choose a threshold
# ------------------
# Every ``threshold_...`` gives one number, `cormack.segment.threshold_multiotsu`
# several. Here air, lung, and all that is denser.
levels = segment.threshold_multiotsu(ct, classes=3)
counts, edges = enhance.histogram(ct, bins=200, range=(-1100, 500))

fig, ax = plt.subplots(figsize=(7, 2.4), layout="constrained")
ax.stairs(counts, edges, fill=True)
for name in ("otsu", "li", "triangle"):
    value = getattr(segment, f"threshold_{name}")(ct)
    ax.axvline(value, color="gray", linestyle=":")
    ax.text(value, counts.max(), name, rotation=90, ha="right", va="top")
for level in levels:
    ax.axvline(level, color="orange")
ax.set(
    yscale="log",
    xlabel="HU",
    ylabel="voxels",
    title=f"threshold_multiotsu: {levels[0]:.0f} and {levels[1]:.0f} HU",
)
plt.show()

# %%
# From a mask to objects
# ----------------------
# What is dense inside the lungs: vessels and nodules. `cormack.anatomy.lungs` finds the
# lungs, `cormack.segment.fill_holes` and a closing take in what lies in them,
# `cormack.segment.label` numbers the connected components.
lungs = anatomy.lungs(ct)
inside = segment.binary_erosion(
    segment.fill_holes(segment.binary_closing(lungs, segment.ball(4))), segment.ball(2)
)
dense = ct.replace(inside & (ct.array > -500))
labels, count = segment.label(dense, connectivity=3)
print(count, "objects")

# %%
# Measure and screen
# ------------------
# `cormack.segment.label_statistics` measures all of them in one pass;
# `cormack.segment.screen` keeps those within every range. Volumes are in mm3, because
# the volume knows its spacing. The table has a row for each object, with the criterion
# that decided.
kept, table = segment.screen(labels, ct, volume_mm3=(30, None), roundness=(0.3, None))
table = pd.DataFrame(dict(table))
print(table["decided_by"].replace("", "kept").value_counts().to_string())
table.loc[
    table["kept"],
    [
        "new_label",
        "volume_mm3",
        "equivalent_diameter_mm",
        "roundness",
        "intensity_mean",
    ],
].round(2)

# %%
z = int(
    table.loc[table["kept"], "centroid_z"].iloc[
        table.loc[table["kept"], "volume_mm3"].argmax()
    ]
)
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, mask, title in zip(
    axes,
    (labels, kept),
    (f"{count} objects", f"{table['kept'].sum()} kept"),
    strict=True,
):
    # The objects of all slices, one behind the other.
    ax.imshow(ct.array[z], cmap="gray", vmin=-1000, vmax=400)
    ax.contourf(mask.array.max(axis=0) > 0, [0.5, 1.5], colors="orange", alpha=0.6)
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# This is the idea behind `cormack.anatomy.nodule_candidates`, which the preset
# ``ct-lung`` uses and which also frees nodules from vessels and from the pleura.
