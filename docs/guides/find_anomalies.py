"""
Find what differs from normal
=============================

Where only normal images are known: a map of what is unusual, a score, and how often a
normal image scores as much.
"""

import matplotlib.pyplot as plt
import numpy as np

from cormack import anatomy, anomaly, detect, phantoms, segment

shape, spacing = (24, 96, 96), (8.0, 3.5, 3.5)
normal = [
    phantoms.chest_ct(shape, spacing, seed=seed, nodules=0).volume for seed in range(6)
]
patient = phantoms.chest_ct(shape, spacing, seed=20, nodules=2, diameters_mm=(20, 24))

# %%
# A memory of normal patches
# --------------------------
# `cormack.anomaly.fit_patches` describes every patch of the normal images and remembers
# a choice of them; the distance of a new patch to those is how unusual it is. Each
# normal image is scored by a memory that has not seen it: that is what ``p_value`` is
# measured by; with six normal images it cannot be below 1 / 7.
masks = [volume.array > -950 for volume in normal]
memory = anomaly.fit_patches(normal, masks=masks, patch=5, memory=800, folds=3, seed=0)
found = memory.score(patient.volume, mask=patient.volume.array > -950)
print(f"score {found.score:.2f}, p = {found.p_value:.2f}, most unusual at {found.peak}")

z = int(found.peak[0])
fig, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
axes[0].imshow(patient.volume.array[z], cmap="gray", vmin=-1000, vmax=400)
axes[0].contour(patient.nodule_labels[z] > 0, [0.5], colors="lime")
axes[0].set_title("patient, and the truth")
axes[1].imshow(np.asarray(found.heat)[z], cmap="magma")
axes[1].set_title("heat")
for ax in axes:
    ax.axis("off")
plt.show()

# %%
# Without any normal image
# ------------------------
# Two ways need one image alone. `cormack.detect.rx_detector` compares each place with
# its surroundings, here within the lungs; `cormack.detect.asymmetry_map` each side of
# the body with the other one: red is brighter than its opposite. The heart is what
# differs most, as it should.
plane = patient.volume.array[z]
lungs = segment.binary_closing(
    anatomy.lungs(patient.volume).array[z], segment.ball(4, ndim=2)
)
rx = detect.rx_detector(plane, inner=5, outer=13, mask=lungs)
sides = detect.asymmetry_map(plane, sigma=2, mask=plane > -950)

fig, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
axes[0].imshow(np.where(lungs, rx, np.nan), cmap="magma")
axes[0].set_title("rx_detector")
axes[1].imshow(
    sides, cmap="RdBu_r", vmin=-np.abs(sides).max(), vmax=np.abs(sides).max()
)
axes[1].set_title("asymmetry_map")
for ax in axes:
    ax.axis("off")
plt.show()

# %%
# Rows of a table
# ---------------
# `cormack.anomaly.fit_table` says the same of features, and names those that decided.
# More, and the command line: :doc:`/anomaly`.
rng = np.random.default_rng(0)
table = {
    "case": [f"p{i}" for i in range(200)],
    "volume": rng.normal(50, 5, 200),
    "mean": rng.normal(0, 1, 200),
}
detector = anomaly.fit_table(table, method="mahalanobis")
scored = detector.score(
    {"case": ["new 1", "new 2"], "volume": [52.0, 90.0], "mean": [0.1, 0.3]}
)
for row in scored.rows():
    print({name: row[name] for name in ("case", "outlier", "feature_1")})
