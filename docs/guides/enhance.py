"""
Enhance
=======

Windows, tone curves and histogram equalization. Nothing is rescaled unless the name of
the function says so, and what has a dtype keeps it unless another one is asked for.
"""

import matplotlib.pyplot as plt

from cormack import enhance, phantoms

ct = phantoms.chest_ct((64, 192, 192), spacing=(3.0, 1.73, 1.73), seed=1).volume

# %%
# Windows
# -------
# `cormack.enhance.window` is the window of a viewer, as DICOM defines it: ``center``
# and ``width`` in Hounsfield units, 8 bits out.
windows = {"lung": (-600, 1500), "soft tissue": (40, 400), "bone": (500, 1800)}

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, (name, (center, width)) in zip(axes, windows.items(), strict=True):
    shown = enhance.window(ct, center, width, dtype="uint8")
    ax.imshow(shown.array[32], cmap="gray", vmin=0, vmax=255)
    ax.set_title(f"{name}: {center} / {width}")
    ax.axis("off")
plt.show()

# %%
# Contrast
# --------
# `cormack.enhance.stretch_contrast` maps percentiles to the ends of the range,
# `cormack.enhance.equalize_hist` spreads grey values evenly,
# `cormack.enhance.equalize_adapthist` (CLAHE) does it in each neighbourhood, in 3-D.
lung = enhance.window(ct, -600, 1500, dtype="uint8")
results = {
    "window": lung,
    "stretch_contrast": enhance.stretch_contrast(lung, 2, 98),
    "equalize_hist": enhance.equalize_hist(lung),
    "equalize_adapthist": enhance.equalize_adapthist(
        lung, kernel_size=(16, 48, 48), clip_limit=0.02
    ),
}

fig, axes = plt.subplots(
    2, 4, figsize=(10, 4.4), height_ratios=(3, 1), layout="constrained"
)
for column, (name, image) in zip(axes.T, results.items(), strict=True):
    column[0].imshow(image.array[32], cmap="gray", vmin=0, vmax=255)
    column[0].set_title(name)
    column[0].axis("off")
    counts, edges = enhance.histogram(image, bins=64, range=(0, 256))
    column[1].stairs(counts, edges, fill=True)
    column[1].set(yscale="log", yticks=[], xticks=[0, 255])
plt.show()

# %%
# Only inside a mask
# ------------------
# With ``mask`` the statistics are those of its voxels. Here the body; air around it no
# longer takes half of the greys.
body = ct.array > -400
inside = enhance.equalize_hist(lung, mask=body)
whole = results["equalize_hist"]

fig, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for ax, image, title in zip(
    axes, (whole, inside), ("whole image", "mask=body"), strict=True
):
    ax.imshow(image.array[32], cmap="gray", vmin=0, vmax=255)
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# Bring out a range
# -----------------
# `cormack.enhance.threshold_enhance` keeps grey values between two bounds and sets
# others to the nearer bound, to a number, or fades them out over ``softness`` grey
# values.
sharp = enhance.threshold_enhance(ct, -100, 200, outside=-1000)
soft = enhance.threshold_enhance(ct, -100, 200, outside=-1000, softness=150)

fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, image, title in zip(
    axes, (ct, sharp, soft), ("CT", "-100 to 200 HU", "softness=150"), strict=True
):
    ax.imshow(image.array[32], cmap="gray", vmin=-1000, vmax=400)
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %%
# MR has no units. `cormack.enhance.normalize` brings images to one scale (z-score,
# white stripe, Nyul's landmarks), and `cormack.enhance.match_histograms` one image to
# the scale of another.
