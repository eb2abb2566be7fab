"""
Find objects, and score what was found
======================================

Candidates for nodules in a chest, compared with the truth.
"""

import matplotlib.pyplot as plt
import numpy as np

from cormack import anatomy, detect, phantoms, segment

chest = phantoms.chest_ct(seed=1)
ct = chest.volume
lungs = anatomy.lungs(ct)

# %%
# Blobs
# -----
# `cormack.detect.blob_log` finds bright balls of many sizes. Sigmas are in mm, so
# slices of 2 mm do not flatten them; the threshold is in Hounsfield units. A ball of
# radius r answers best to a sigma of r / sqrt(3).
around = segment.fill_holes(segment.binary_closing(lungs, segment.ball(4)))
inside = ct.replace(np.where(around, ct.array, -850).astype(np.int16))
blobs = detect.blob_log(
    inside, min_sigma=1.5, max_sigma=6, num_sigma=6, threshold=400, unit="mm"
)
print(blobs.row_count, "blobs; the strongest:")
for row in list(blobs.rows())[:5]:
    print({name: round(float(value), 1) for name, value in row.items()})

# %%
# A detector made for it
# ----------------------
# Many blobs are pieces of vessels. `cormack.anatomy.nodule_candidates` also frees
# nodules that touch vessels or the pleura. It gives labels, and how strongly each voxel
# answers.
candidates, response = anatomy.nodule_candidates(ct, lungs)
table = segment.label_statistics(candidates, response, spacing=ct.spacing)

# %%
# Compare with the truth
# ----------------------
# `cormack.detect.score_lesions` assigns candidates to lesions, each lesion once.
score = detect.score_lesions(table, chest.nodules, spacing=ct.spacing)
print({name: score[name] for name in ("found", "missed", "false_candidates")})

fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
ax.imshow(
    np.where(around, ct.array, -1000).max(axis=1),
    cmap="gray",
    origin="lower",
    aspect=2 / 1.3,
)
ax.plot(
    blobs["x"][:30], blobs["z"][:30], "x", color="tab:blue", label="30 strongest blobs"
)
ax.scatter(
    table["centroid_x"],
    table["centroid_z"],
    s=180,
    facecolor="none",
    edgecolor="orange",
    label="candidate",
)
ax.scatter(
    chest.nodules["centroid_x"],
    chest.nodules["centroid_z"],
    s=8,
    color="lime",
    label="truth",
)
ax.set(title="largest value from front to back")
ax.axis("off")
ax.legend(loc="lower left", fontsize=8)
plt.show()

# %%
# Sensitivity against false candidates
# ------------------------------------
# `cormack.detect.froc` takes, for each case, the scores of the candidates, the lesion
# that each of them hit (-1: none), and the number of lesions. Here four chests; a
# candidate's score is its strongest answer.
cases = []
for seed in range(4):
    one = phantoms.chest_ct((64, 192, 192), spacing=(3.0, 1.73, 1.73), seed=seed)
    labels, answer = anatomy.nodule_candidates(one.volume, anatomy.lungs(one.volume))
    found = segment.label_statistics(labels, answer, spacing=one.volume.spacing)
    hits = detect.score_lesions(found, one.nodules, spacing=one.volume.spacing)
    cases.append(
        (found["intensity_max"], hits["candidates"]["lesion"], one.nodules.row_count)
    )
curve = detect.froc(cases, (0, 0.5, 1, 2, 4))
print({name: column.round(2).tolist() for name, column in curve.items()})

# %%
# A template
# ----------
# `cormack.detect.match_template` finds what looks like an example, whatever its
# brightness: normalised cross-correlation.
z, y, x = (round(chest.nodules[f"centroid_{axis}"][2]) for axis in "zyx")
template = ct.array[z, y - 8 : y + 9, x - 8 : x + 9]
match = detect.match_template(ct.array[z], template, pad_input=True)

fig, axes = plt.subplots(
    1, 3, figsize=(9, 3.2), layout="constrained", width_ratios=(1, 2, 2)
)
for ax, image, title in zip(
    axes,
    (template, ct.array[z], match),
    ("template", "slice", "correlation"),
    strict=True,
):
    ax.imshow(image, cmap="gray")
    ax.set_title(title)
    ax.axis("off")
axes[2].plot(
    *np.unravel_index(match.argmax(), match.shape)[::-1],
    "o",
    color="orange",
    fillstyle="none",
)
plt.show()
