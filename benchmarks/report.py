"""Turn a benchmark run into a Markdown table and a plot.

Usage: ``python -m pytest benchmarks --benchmark-json=run.json`` and ``python -m benchmarks.report run.json -o OUT``.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, dict[str, float]]:
    """Return median milliseconds by group (operation, type, size) and contender."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for row in json.loads(path.read_text())["benchmarks"]:
        contender = row["params"]["contender"] if row["params"] else row["name"]
        groups[row["group"]][contender] = row["stats"]["median"] * 1e3
    return dict(groups)


def markdown(groups: dict[str, dict[str, float]], machine: dict[str, Any]) -> str:
    """Return a table: Cormack, every peer with the factor by which Cormack is faster, memcpy of the input."""
    config = machine.get("cormack", {})
    lines = [
        f"Median milliseconds on {config.get('threads', '?')} threads, instruction set "
        f"{config.get('instruction_set', '?')}, Cormack {config.get('version', '?')}.",
        "",
        "| operation | cormack | memcpy | peers (times slower than Cormack) |",
        "| --- | ---: | ---: | --- |",
    ]
    for group, times in groups.items():
        ours = times.get("cormack")
        peers = []
        for name, milliseconds in sorted(times.items(), key=lambda item: item[1]):
            if name in ("cormack", "memcpy"):
                continue
            factor = f" ({milliseconds / ours:.1f} x)" if ours else ""
            peers.append(f"{name} {milliseconds:.4g}{factor}")
        cells = [f"{times[name]:.3g}" if name in times else "" for name in ("cormack", "memcpy")]
        lines.append(f"| {group} | {cells[0]} | {cells[1]} | {', '.join(peers)} |")
    return "\n".join(lines) + "\n"


def plot(groups: dict[str, dict[str, float]], path: Path) -> None:
    """Draw one dot per contender on a logarithmic axis, one line per operation."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Cormack first, and one colour for each of the others, also beyond ten.
    names = sorted({name for times in groups.values() for name in times}, key=lambda n: (n != "cormack", n))
    figure, axes = pyplot.subplots(figsize=(11, 2 + 0.22 * len(groups)), layout="constrained")
    for name, colour in zip(names, pyplot.get_cmap("tab20").colors * 2, strict=False):
        points = [(times[name], i) for i, times in enumerate(groups.values()) if name in times]
        axes.scatter(*zip(*points, strict=True), label=name, color=colour, s=50 if name == "cormack" else 25, zorder=3)
    axes.set(xscale="log", xlabel="median time [ms]", yticks=range(len(groups)), yticklabels=list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(axis="both", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Write benchmark.md and benchmark.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="what --benchmark-json wrote")
    parser.add_argument("-o", "--out", type=Path, default=Path("."), help="folder for benchmark.md and benchmark.png")
    arguments = parser.parse_args()
    groups = read(arguments.run)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = markdown(groups, json.loads(arguments.run.read_text())["machine_info"])
    (arguments.out / "benchmark.md").write_text(table)
    plot(groups, arguments.out / "benchmark.png")
    print(table)


if __name__ == "__main__":
    main()
