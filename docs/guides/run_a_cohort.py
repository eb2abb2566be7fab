"""
Run a cohort, and read its report
=================================

A folder of images and a pipeline go in; a table, label maps, pictures and a report come
out.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import cormack
from cormack import io, phantoms

# Two generated chests in the place of a folder of DICOM series or NIfTI files.
folder = Path(tempfile.mkdtemp())
(folder / "studies").mkdir()
for seed in range(2):
    chest = phantoms.chest_ct(
        (48, 128, 128), spacing=(4.0, 2.6, 2.6), seed=seed, diameters_mm=(8, 20)
    )
    io.write(chest.volume, folder / "studies" / f"chest-{seed}.nii.gz")

# %%
# One command
# -----------
# In a shell: ``cormack run studies --preset ct-lung --out results``. Every case has a
# process of its own; one that fails becomes a row with its reason, and the others go
# on. Started again, only what is missing or has changed is done.
command = "cormack run studies --preset ct-lung --out results"
done = subprocess.run(
    [sys.executable, "-m", *command.split()],
    cwd=folder,
    capture_output=True,
    text=True,
    check=True,
)
print(done.stdout)

# %%
# What there is now
# -----------------
for path in sorted((folder / "results").rglob("*")):
    if path.is_file():
        print(path.relative_to(folder))

# %%
# ``report.html`` is one file that opens anywhere, with the pictures of each case in it.
images = [
    plt.imread(folder / f"results/cases/chest-0/{plane}.png")
    for plane in ("axial", "coronal")
]
fig, axes = plt.subplots(
    1,
    2,
    figsize=(9, 4),
    layout="constrained",
    width_ratios=[one.shape[1] for one in images],
)
for ax, image in zip(axes, images, strict=True):
    ax.imshow(image)
    ax.axis("off")
plt.show()

# %%
# The table
# ---------
# One row for each region of each case: what `cormack.segment.label_statistics`
# measures, and features with IBSI names.
table = pd.read_parquet(folder / "results" / "features.parquet")
table[
    [
        "case",
        "region",
        "label",
        "volume_ml",
        "equivalent_diameter_mm",
        "stat_mean",
        "score",
    ]
].head(8).round(2)

# %%
# A pipeline of your own
# ----------------------
# A YAML file of steps, each a function of the library. It is checked before anything
# runs, and wrong words are answered with the nearest right ones.
(folder / "bright.yaml").write_text("""\
name: bright lesions
steps:
  - {step: filter, method: bilateral, sigma_spatial: 1.5, sigma_intensity: 40}
  - {step: segment, method: threshold, lower: 150, output: lesions}
  - {step: screen, input: lesions, volume_mm3: [50, null]}
  - {step: features}
""")
result = cormack.run(folder / "studies", folder / "bright.yaml", folder / "bright")
for case in result.cases:
    print(case.id, case.status, f"{case.seconds:.1f} s")

# %%
# ``cormack presets`` lists the pipelines that come with Cormack and ``cormack presets
# ct-lung`` prints one to start from. Many machines, time and memory for each case:
# :doc:`/cluster`. From the table to a classifier: :doc:`/classification`.
