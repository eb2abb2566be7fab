"""
Radiomics
=========

All features of IBSI 1, with the initiative's names and definitions; :doc:`/ibsi` lists
which reference values are matched.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cormack import features, filters, phantoms

lesions = [
    phantoms.lesion(diagnosis, seed=seed)
    for diagnosis in ("benign", "malignant")
    for seed in range(3)
]
lesion = lesions[-1]

# %%
# Settings
# --------
# Everything that changes a number is in one object: spacing, re-segmentation,
# discretisation, families. It is a plain mapping in YAML and JSON, and results carry
# it.
settings = features.RadiomicsSettings(
    new_spacing=1.0,
    resegmentation_range=(-200, 300),
    discretisation="fixed bin size",
    bin_size=25,
)
found = features.radiomics(lesion.volume, lesion.mask, settings=settings)
print(len(found), "features")
print(
    {
        name: round(found[name], 3)
        for name in ("morph_volume", "stat_mean", "cm_joint_entr_3D_mrg")
    }
)

# %%
# What a name means
# -----------------
definition = features.definitions()["cm_joint_entr"]
print(definition.feature, definition.code, definition.unit)

# %%
# A table of many lesions
# -----------------------
# A row for each; ``labels="all"`` of a label map gives a row for each label.
rows = [
    {
        "diagnosis": one.diagnosis,
        **features.radiomics(one.volume, one.mask, settings=settings),
    }
    for one in lesions
]
table = pd.DataFrame(rows)
table[["diagnosis", "morph_volume", "morph_sphericity", "stat_mean", "stat_var"]].round(
    2
)

# %%
# One family at a time
# --------------------
# The matrices behind the textures are there too. Grey levels come first:
# `cormack.features.discretise`.
levels, level_count = features.discretise(lesion.volume, lesion.mask, bin_number=16)
matrix = features.glcm_matrix(
    levels, lesion.mask, level_count=level_count, aggregation="3D averaged"
)
print(matrix.shape)

fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
axes[0].imshow(lesion.volume.array[16], cmap="gray")
axes[0].contour(lesion.mask[16], [0.5], colors="orange")
axes[1].imshow(np.where(lesion.mask[16], np.asarray(levels)[16], np.nan))
axes[2].imshow(matrix.mean(axis=0), cmap="magma")
for ax, title in zip(
    axes, ("lesion", "16 grey levels", "co-occurrence matrix"), strict=True
):
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# Maps
# ----
# `cormack.features.feature_map` computes a feature in the neighbourhood of each voxel,
# and response maps of IBSI 2 are filters whose results go into
# `cormack.features.radiomics` like an image.
entropy = features.feature_map(
    lesion.volume, lesion.mask, "cm_joint_entr", radius=2, settings={"bin_number": 16}
)
laws = filters.laws_filter(
    lesion.volume, "E5L5S5", mode="mirror", rotation_invariant="max", energy_distance=3
)

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
axes[0].imshow(np.asarray(entropy)[16], cmap="magma")
axes[0].set_title("joint entropy, radius 2")
axes[1].imshow(laws.array[16], cmap="magma")
axes[1].set_title("Laws E5L5S5, energy")
for ax in axes:
    ax.axis("off")
plt.show()

# %%
# From here to a classifier: :doc:`/classification`. PyRadiomics' parameter files and
# names: `cormack.compat.radiomics`.
