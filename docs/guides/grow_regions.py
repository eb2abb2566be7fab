"""
Grow a region from a seed
=========================

A click in a viewer is a seed; what is connected with it and looks alike is the region.
Seeds are in array order, (z, y, x), one or many.
"""

import matplotlib.pyplot as plt

from cormack import filters, phantoms, segment

chest = phantoms.chest_ct(seed=1)
ct = filters.median_filter(chest.volume, size=3)

# %%
# Between two bounds
# ------------------
# `cormack.segment.connected_threshold` takes what is connected with the seed through
# voxels from ``lower`` to ``upper``. Three seeds, three kinds of tissue.
seeds = {
    "nodule": (46, 84, 65),
    "soft tissue": (36, 115, 145),
    "right lung": (46, 140, 60),
}
bounds = {"nodule": (-400, 200), "soft tissue": (20, 70), "right lung": (-1000, -500)}
regions = {
    name: segment.connected_threshold(ct, seed, *bounds[name])
    for name, seed in seeds.items()
}

fig, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
for ax, (name, region) in zip(axes, regions.items(), strict=True):
    z, y, x = seeds[name]
    ax.imshow(ct.array[z], cmap="gray", vmin=-1000, vmax=400)
    ax.contourf(region.array[z], [0.5, 1.5], colors="orange", alpha=0.5)
    ax.plot(x, y, "c+", markersize=10)
    ax.set_title(f"{name}: {region.array.sum() * ct.voxel_volume_mm3 / 1000:.1f} ml")
    ax.axis("off")
plt.show()

# %%
# Without bounds
# --------------
# `cormack.segment.confidence_connected` takes mean and standard deviation around the
# seed, grows to what lies within ``multiplier`` standard deviations, measures again,
# and so on: ITK's filter of that name.
lung = segment.confidence_connected(ct, (46, 140, 60), multiplier=3.0, iterations=3)
truth = chest.lungs[:, :, :128]
share = (lung.array[:, :, :128] & truth).sum() / truth.sum()
print(f"{share:.0%} of the right lung's voxels; vessels and nodules are other tissue")

# %%
# Thin bridges
# ------------
# Noise makes bridges of one voxel, through which a region runs out.
# `cormack.segment.neighborhood_connected` asks for a whole neighbourhood within the
# bounds and does not cross them.
noisy = chest.volume
loose = segment.connected_threshold(noisy, (36, 115, 145), 0, 100)
tight = segment.neighborhood_connected(noisy, (36, 115, 145), -30, 130, radius=1)

fig, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained")
for ax, region, title in zip(
    axes, (loose, tight), ("connected_threshold", "neighborhood_connected"), strict=True
):
    ax.imshow(noisy.array[36], cmap="gray", vmin=-160, vmax=240)
    ax.contourf(region.array[36], [0.5, 1.5], colors="orange", alpha=0.5)
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# Many seeds that compete
# -----------------------
# `cormack.segment.seeded_region_growing` gives every voxel to the seed region that it
# resembles most; `cormack.segment.watershed` floods from markers. Both give labels.
markers = (ct.array > 1e9).astype("int32")
for number, seed in enumerate(
    [(46, 84, 65), (46, 115, 145), (46, 140, 60), (46, 140, 200), (46, 10, 10)], start=1
):
    markers[seed] = number
labels = segment.watershed(filters.gradient_magnitude(ct), markers)

fig, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained")
axes[0].imshow(filters.gradient_magnitude(ct).array[46], cmap="gray", vmax=600)
axes[0].set_title("gradient_magnitude")
axes[1].imshow(ct.array[46], cmap="gray", vmin=-1000, vmax=400)
axes[1].imshow(labels.array[46], cmap="tab10", alpha=0.45, interpolation="nearest")
axes[1].set_title("watershed from five seeds")
for ax in axes:
    ax.axis("off")
plt.show()
