"""
Filter
======

SciPy's names, arguments and boundary modes. The dtype that goes in comes out; integers
are rounded and saturate, and never wrap. Lengths are voxels, or millimetres with
``unit="mm"``.
"""

import matplotlib.pyplot as plt

from cormack import filters, phantoms

chest = phantoms.chest_ct((64, 192, 192), spacing=(3.0, 1.73, 1.73), seed=1, noise=60)
ct = chest.volume
part = (32, slice(30, 130), slice(20, 120))


def show(results, vmin=-1000, vmax=400, cmap="gray"):
    fig, axes = plt.subplots(
        1, len(results), figsize=(2.6 * len(results), 2.9), layout="constrained"
    )
    for ax, (name, image) in zip(axes, results.items(), strict=True):
        ax.imshow(image.array[part], cmap=cmap, vmin=vmin, vmax=vmax)
        ax.set_title(name)
        ax.axis("off")
    plt.show()


# %%
# Smooth
# ------
# The median keeps edges and drops outliers; the Gaussian is linear; the mean is the
# fastest. One number is for every axis, and a sequence has one for each.
show(
    {
        "noise of 60 HU": ct,
        "median_filter": filters.median_filter(ct, size=3),
        "gaussian_filter": filters.gaussian_filter(ct, sigma=(0.6, 1, 1)),
        "uniform_filter": filters.uniform_filter(ct, size=3),
    }
)

# %%
# In millimetres
# --------------
# Voxels are 3 x 1.73 x 1.73 mm. ``unit="mm"`` gives the same smoothing along every
# axis, whatever the scanner's slices are.
smooth = filters.gaussian_filter(ct, sigma=2.5, unit="mm")
print(smooth)

# %%
# Smooth, and keep edges
# ----------------------
# Their strengths are in units of the image: Hounsfield units here.
show(
    {
        "bilateral_filter": filters.bilateral_filter(
            ct, sigma_spatial=1.2, sigma_intensity=150
        ),
        "non_local_means": filters.non_local_means(
            ct, patch_size=3, patch_distance=2, h=50, sigma=60
        ),
        "anisotropic_diffusion": filters.anisotropic_diffusion(
            ct, iterations=10, kappa=250
        ),
        "total_variation": filters.total_variation(ct, weight=80, max_num_iter=40),
    }
)

# %%
# Beyond the border
# -----------------
# ``mode`` says what lies outside of the image, with SciPy's five names; it is
# ``"reflect"`` where a function's page says nothing else. Only the voxels near the
# border know the difference.
modes = {
    mode: filters.gaussian_filter(ct, sigma=4, mode=mode, cval=-1000)
    for mode in ("reflect", "constant", "wrap")
}
for mode, image in modes.items():
    print(f"{mode:10} first voxels of a row: {image.array[32, 96, :4]}")

# %%
# Inside a mask
# -------------
# `cormack.filters.gaussian_filter` and `cormack.filters.uniform_filter` take a
# ``mask``: only its voxels count and change. Lungs do not blur into the chest wall.
show(
    {
        "noise of 60 HU": ct,
        "sigma=2": filters.gaussian_filter(ct, sigma=2),
        "sigma=2, mask=lungs": filters.gaussian_filter(ct, sigma=2, mask=chest.lungs),
    }
)

# %%
# Structure
# ---------
# Gradients and second derivatives give floating images. `cormack.filters.frangi`
# answers to tubes such as vessels, `cormack.filters.dot_enhancement` to balls such as
# nodules; ``unit="mm"`` sets sigmas by anatomy.
calm = filters.gaussian_filter(ct, sigma=2, unit="mm")
fig, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
for ax, (name, image) in zip(
    axes,
    {
        "gradient_magnitude": filters.gradient_magnitude(calm),
        "frangi": filters.frangi(calm, sigmas=(2, 3), black_ridges=False, unit="mm"),
        "dot_enhancement": filters.dot_enhancement(calm, sigmas=(3, 5), unit="mm"),
    }.items(),
    strict=True,
):
    ax.imshow(image.array[part], cmap="magma")
    ax.set_title(name)
    ax.axis("off")
plt.show()

# %%
# The page :doc:`/contract` says for each function which dtypes it takes and gives and
# which modes it knows.
