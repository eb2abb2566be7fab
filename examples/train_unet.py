"""Train a small 3D U-Net that finds lung nodules, on chests that Cormack draws, and measure it on others.

    pip install "cormack[cohort,onnx]" torch
    python examples/train_unet.py --out ct-lung-nodules     # about half an hour on two cores
    python examples/train_unet.py --quick                   # a minute: does it run at all?

What comes out is a folder for `cormack.deep`: ``model.onnx``, its card ``model.yaml`` and ``evaluation.json`` with the
Dice coefficient and the free-response ROC on chests that were not trained on, next to those of the preset ct-lung, the
chain of thresholds and filters, on the same chests. Phantoms teach what phantoms look like: this is a demonstration of
the way from truth to a pipeline step, not a medical device.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from cormack import detect, phantoms, pipeline

SPACING = (2.5, 1.4, 1.4)  # mm: slices are thick, so patches have fewer of them and the first step down keeps them all
PATCH = (16, 64, 64)
STRIDES = ((1, 2, 2), (2, 2, 2), (2, 2, 2))
INFERENCE = (32, 96, 96)  # nothing in the network depends on it: larger windows waste less on their borders
WINDOW = (-1000.0, 400.0)  # HU, scaled to 0 ... 1
# Of a chest. Half of them have small ones alone, which are easily missed.
NODULES, DIAMETERS = 12, ((3.0, 8.0), (4.0, 22.0))  # mm
RATES = (0.25, 1, 2, 4)  # false candidates per case
# Each chest has a seed; those of training, of the choice of weights and of the evaluation are far apart.
TRAINING, VALIDATION, HELD_OUT = 1_000_000, 2_000_000, 3_000_000


# --- Data -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chest:
    """An image scaled to 0 ... 1 on the working grid, its truth, and voxels that patches are taken around."""

    image: np.ndarray
    truth: np.ndarray
    nodules: np.ndarray
    vessels: np.ndarray
    lungs: np.ndarray


def draw(seed: int) -> Chest:
    """Draw a chest as some scanner might see it: other sizes, voxels, noise and numbers of nodules each time."""
    rng = np.random.default_rng(seed)
    fov = np.array([190.0, 330.0, 330.0]) * rng.uniform(0.92, 1.08)
    pixel = rng.uniform(1.1, 1.6)
    spacing = np.array([rng.uniform(1.5, 3.0), pixel, pixel])
    noise, diameters = rng.uniform(10, 35), DIAMETERS[seed % 2]
    chest = phantoms.chest_ct(np.rint(fov / spacing), spacing, seed, noise, nodules=NODULES, diameters_mm=diameters)
    volume = chest.volume.resample(SPACING)
    image = np.clip((volume.array - WINDOW[0]) / (WINDOW[1] - WINDOW[0]), 0, 1).astype(np.float32)
    # Balls are drawn anew on the working grid: labels need not be resampled.
    index = np.stack([chest.nodules[f"centroid_{axis}"] for axis in "zyx"], axis=1)
    centres = volume.world_to_index(chest.volume.index_to_world(index))
    truth = np.zeros(image.shape, np.float32)
    grids = np.ogrid[tuple(map(slice, image.shape))]
    for centre, diameter in zip(centres, chest.nodules["diameter_mm"], strict=True):
        square = sum(((g - c) * s) ** 2 for g, c, s in zip(grids, centre, SPACING, strict=True))
        truth[square <= diameter**2 / 4] = 1
    places = []
    for mask in (chest.vessels, chest.lungs):
        voxels = rng.permutation(np.argwhere(mask))[:2000]
        places.append(volume.world_to_index(chest.volume.index_to_world(voxels)))
    return Chest(image, truth, centres, *places)


def patches(chests: list[Chest], size: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches: half the patches around nodules, the others around vessels, which look alike, and elsewhere."""
    rng = np.random.default_rng(seed)
    while True:
        batch = []
        for _ in range(size):
            chest = chests[rng.integers(len(chests))]
            places = (chest.nodules, chest.vessels, chest.lungs)[rng.choice(3, p=(0.5, 0.3, 0.2))]
            middle = places[rng.integers(len(places))] + rng.uniform(-0.3, 0.3, 3) * PATCH
            start = np.clip(np.rint(middle - np.array(PATCH) / 2).astype(int), 0, np.array(chest.image.shape) - PATCH)
            box = tuple(slice(a, a + n) for a, n in zip(start, PATCH, strict=True))
            flips = tuple(slice(None, None, int(step)) for step in rng.choice((1, -1), 3))
            batch.append(np.stack([chest.image[box][flips], chest.truth[box][flips]]))
        both = torch.from_numpy(np.stack(batch))
        yield both[:, :1], both[:, 1:]


# --- Network --------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """Two convolutions, and a short cut around the second.

    Batch normalisation, not instance normalisation: Hounsfield units mean the same in every patch, and what a voxel
    becomes must not depend on what else its patch holds.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm3d(outputs), nn.ReLU()
        )
        self.second = nn.Sequential(nn.Conv3d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return nn.functional.relu(x + self.second(x))


class UNet(nn.Module):
    """A U-Net of four levels; sides of the input are multiples of the product of `STRIDES`."""

    def __init__(self, channels: tuple[int, ...] = (8, 16, 32, 64)) -> None:
        super().__init__()
        self.down = nn.ModuleList(Residual(i, o) for i, o in zip((1, *channels), channels, strict=False))
        self.pool = nn.ModuleList(nn.MaxPool3d(stride) for stride in STRIDES)
        pairs = list(zip(channels[1:], channels[:-1], STRIDES, strict=True))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose3d(i, o, stride, stride) for i, o, stride in pairs)
        self.merge = nn.ModuleList(Residual(2 * o, o) for _, o, _ in pairs)
        self.head = nn.Conv3d(channels[0], 1, 1)
        nn.init.constant_(self.head.bias, -4.0)  # of nodules there are few voxels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for level, pool in zip(self.down, self.pool, strict=False):
            x = level(x)
            kept.append(x)
            x = pool(x)
        x = self.down[-1](x)
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([up(x), kept.pop()], 1))
        return self.head(x)


# --- Loss and measure -----------------------------------------------------------------------------------------------


def loss_of(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus the Dice coefficient of each patch, so that small nodules count like large ones."""
    share = torch.sigmoid(logits)
    overlap, both = (share * truth).sum((1, 2, 3, 4)), (share + truth).sum((1, 2, 3, 4))
    return nn.functional.binary_cross_entropy_with_logits(logits, truth) + 1 - ((2 * overlap + 1) / (both + 1)).mean()


@torch.no_grad()
def dice_of(network: nn.Module, chests: list[Chest]) -> float:
    """Mean Dice coefficient over whole chests, within the box of the lungs."""
    network.eval()
    scores = []
    for chest in chests:
        low = np.maximum(chest.lungs.min(axis=0).astype(int) - 8, 0)
        size = (np.minimum(chest.lungs.max(axis=0).astype(int) + 8, chest.image.shape) - low) // (4, 8, 8) * (4, 8, 8)
        box = tuple(slice(a, a + n) for a, n in zip(low, size, strict=True))
        found = network(torch.from_numpy(chest.image[box].copy())[None, None])[0, 0].numpy() > 0
        truth = chest.truth[box] > 0
        scores.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
    network.train()
    return float(np.mean(scores))


# --- Training and export --------------------------------------------------------------------------------------------


def export(network: UNet, folder: Path, args: argparse.Namespace, step: int, dice: float) -> None:
    """Write the network and its card; batch and sides are free, the card says which patch is meant."""
    folder.mkdir(parents=True, exist_ok=True)
    axes = {0: "batch", 2: "z", 3: "y", 4: "x"}
    with warnings.catch_warnings():
        # The exporter that needs no other package; it warns that there is a newer one, which does.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval(),
            (torch.zeros(1, 1, *PATCH),),
            str(folder / "model.onnx"),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": axes, "logits": axes},
            opset_version=17,
            dynamo=False,
        )
    card = {
        "name": "Lung nodules on generated chests",
        "version": "1",
        "task": "segment",
        "labels": ["nodule"],
        "background": None,
        "activation": "sigmoid",
        "threshold": 0.5,
        "channels": 1,
        "patch": list(INFERENCE),
        "spacing_mm": list(SPACING),
        "orientation": "LPS",
        "intensity": {"type": "window", "low": WINDOW[0], "high": WINDOW[1]},
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "trained_on": (
            f"{args.chests} chests drawn by cormack.phantoms.chest_ct (seeds from {TRAINING}), with {NODULES} nodules "
            f"of 3 to 22 mm each, voxels of 1.5 to 3.0 by 1.1 to 1.6 mm and noise of 10 to 35 HU; no patient. "
            f"Step {step} of {args.steps}, {args.batch} patches each, by examples/train_unet.py, seed {args.seed}"
        ),
        "intended_use": "Demonstration of a network as a step of a pipeline, on chests of the same kind",
        "note": "No medical device. Nothing is known about what it finds in an image of a patient.",
        "metrics": {"validation_dice": round(dice, 3)},
    }
    write_card(folder, card)


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write ``model.yaml``."""
    (folder / "model.yaml").write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=110), "utf-8")


def train(args: argparse.Namespace) -> None:
    """Train, and export the network whenever it is better than before on chests that it was not trained on."""
    start = time.perf_counter()
    chests = [draw(TRAINING + number) for number in range(args.chests)]
    held = [draw(VALIDATION + number) for number in range(args.validation)]
    print(f"{len(chests)} chests drawn in {time.perf_counter() - start:.0f} s", flush=True)
    torch.manual_seed(args.seed)
    network = UNet().to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=args.steps, pct_start=0.1)
    best, mean = -1.0, 0.0
    for step, (image, truth) in zip(range(1, args.steps + 1), patches(chests, args.batch, args.seed), strict=False):
        loss = loss_of(network(image.contiguous(memory_format=torch.channels_last_3d)), truth)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean += float(loss.detach()) / args.check
        if step % args.check == 0 or step == args.steps:
            dice = dice_of(network, held)
            print(f"step {step}, loss {mean:.3f}, Dice {dice:.3f}, {time.perf_counter() - start:.0f} s", flush=True)
            mean = 0.0
            if dice > best:
                best = dice
                export(network, args.out, args, step, dice)


# --- Evaluation -----------------------------------------------------------------------------------------------------


def evaluate(folder: Path, count: int) -> dict[str, Any]:
    """Run both presets on chests that were not trained on, as they come: Dice coefficient and free-response ROC."""
    deep = pipeline.load_config("ct-lung-deep").model_dump(exclude_none=True)
    for step in deep["steps"]:
        if step.get("method") == "deep":
            del step["sha256"]
            step["model"] = str(folder / "model.onnx")
    configs = {"network": pipeline.load_config(deep), "classical": pipeline.load_config("ct-lung")}
    results: dict[str, Any] = {}
    for name, config in configs.items():
        dice, ranked, missed, seconds = [], [], [], 0.0
        for number in range(count):
            rng = np.random.default_rng(HELD_OUT + number)
            chest = phantoms.chest_ct(seed=HELD_OUT + number, nodules=int(rng.integers(3, 9)))
            start = time.perf_counter()
            case = pipeline.Case.from_volume(str(number), chest.volume)
            for step in config.steps:
                if step.step in ("filter", "enhance", "segment", "screen"):
                    case = pipeline.apply(case, step)
            seconds += time.perf_counter() - start
            found, truth = case.label_maps["nodules"] > 0, chest.nodule_labels > 0
            dice.append(float(2 * (found & truth).sum() / (found.sum() + truth.sum())))
            score = phantoms.score_nodules(case.tables["nodules"], chest)
            missed += [row["diameter_mm"] for row in score["lesions"].rows() if not row["found"]]
            pairs = score["candidates"]
            ranked.append((pairs["score"].tolist(), pairs["lesion"].tolist(), chest.nodules.row_count))
        curve = detect.froc(ranked, RATES)
        results[name] = {
            "dice_mean": float(np.mean(dice)),
            "dice_min": min(dice),
            "dice": dice,
            "nodules": sum(count for _, _, count in ranked),
            "found": sum(len({lesion for lesion in lesions if lesion >= 0}) for _, lesions, _ in ranked),
            "missed_diameters_mm": sorted(round(diameter, 1) for diameter in missed),
            "false_per_case": float(np.mean([sum(lesion < 0 for lesion in lesions) for _, lesions, _ in ranked])),
            "sensitivity": dict(zip(map(str, RATES), curve["sensitivity"].tolist(), strict=True)),
            "seconds_per_case": seconds / count,
        }
    return results


def main() -> None:
    """Train, export, evaluate."""
    parser = argparse.ArgumentParser(description="Train a small 3D U-Net on generated chests and measure it on others.")
    parser.add_argument("--out", type=Path, default=Path("ct-lung-nodules"), help="folder of the network")
    parser.add_argument("--chests", type=int, default=48, help="to train on")
    parser.add_argument("--validation", type=int, default=4, help="chests by which weights are chosen")
    parser.add_argument("--held-out", type=int, default=20, help="chests to evaluate on; 0: do not")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=4, help="patches in a step")
    parser.add_argument("--rate", type=float, default=4e-3, help="learning rate at its highest")
    parser.add_argument("--check", type=int, default=100, help="steps between two looks at the validation chests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None, help="the same number gives the same network")
    parser.add_argument("--evaluate-only", action="store_true", help="of the network that is in the folder")
    parser.add_argument("--quick", action="store_true", help="a minute: few chests, few steps")
    args = parser.parse_args()
    if args.quick:
        args.chests, args.validation, args.held_out, args.steps, args.check = 2, 1, 1, 8, 8
    if args.threads:
        torch.set_num_threads(args.threads)
    if not args.evaluate_only:
        train(args)
        print(f"{args.out / 'model.onnx'}: {(args.out / 'model.onnx').stat().st_size / 1e6:.2f} MB")
    if args.held_out:
        results = evaluate(args.out, args.held_out)
        card = yaml.safe_load((args.out / "model.yaml").read_text("utf-8"))
        for name, row in results.items():
            rates = {f"sensitivity_at_{rate}": round(value, 3) for rate, value in row["sensitivity"].items()}
            card["metrics"][f"held_out_{name}"] = {"dice": round(row["dice_mean"], 3), **rates}
        write_card(args.out, card)
        (args.out / "evaluation.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        print(f"{args.held_out} held-out chests, {results['network']['nodules']} nodules")
        print(
            "            Dice   found  false/case  sensitivity at " + ", ".join(map(str, RATES)) + " per case  s/case"
        )
        for name, row in results.items():
            rates = "  ".join(f"{value:.3f}" for value in row["sensitivity"].values())
            print(
                f"{name:10}  {row['dice_mean']:.3f}  {row['found']:5}  {row['false_per_case']:10.2f}  {rates}"
                f"  {row['seconds_per_case']:.1f}"
            )


if __name__ == "__main__":
    main()
