"""
First steps
===========

A chest CT, a tumour that is grown from a seed, and its numbers. The CT is a phantom
that Cormack draws, so nothing has to be downloaded; `cormack.io.read("path")` takes its
place for images of your own.
"""

import matplotlib.pyplot as plt

from cormack import features, filters, phantoms, segment

ct = phantoms.chest_ct(seed=1).volume  # voxels, spacing, place in the patient
smooth = filters.median_filter(ct, size=3)  # a Volume comes back as a Volume
seed = (46, 84, 65)  # z, y, x
nodule = segment.connected_threshold(smooth, seed, lower=-400, upper=200)
found = features.radiomics(ct, nodule)  # 215 features with IBSI names

fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for image, ax in zip((ct, smooth), axes, strict=True):
    ax.imshow(image.array[46], cmap="gray", vmin=-1000, vmax=400)
    ax.axis("off")
axes[1].contour(nodule.array[46], [0.5], colors="orange")
axes[1].set_title(f"{found['morph_volume'] / 1000:.1f} ml, {found['stat_mean']:.0f} HU")
plt.show()

# %%
# What has happened
# -----------------
# ``ct`` is a `cormack.Volume`. Every function takes volumes or plain NumPy arrays, and
# gives back what it was given. Axis order is (z, y, x), in seeds, spacings and sizes
# alike.
#
# `cormack.filters.median_filter` kept the dtype, int16: Hounsfield units stay
# Hounsfield units.
print(ct)
print(smooth)

# %%
# The region is a bool volume on the same grid. Its voxels are 2 x 1.3 x 1.3 mm, and the
# volume in millilitres knows that. The phantom knows the truth: a ball with a diameter
# of 18 mm, which has 3.05 ml.
print(nodule)
print(int(nodule.array.sum()), "voxels of", round(ct.voxel_volume_mm3, 2), "mm3")

# %%
# The features are a mapping from names to numbers. `cormack.features.definitions` says
# what each of them means.
print(len(found), "features")
for name in ("morph_volume", "morph_diam", "morph_sphericity", "stat_mean", "stat_p90"):
    definition = features.definitions()[name]
    print(f"{name:18}{found[name]:10.2f} {definition.unit:12}{definition.feature}")
