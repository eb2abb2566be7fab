"""``cormack train``: from a table of features to a measured model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cormack.cli.app import (
    _OK,
    WrongUse,
    _check_input,
    _check_out,
    _console,
    _one_line,
    _path,
    _print_json,
    _progress,
    _say,
    _seconds,
    app,
)

# How metrics are called on a line, in the order in which they are printed.
_METRICS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "mcc": "MCC",
    "brier": "Brier score",
    "log_loss": "log loss",
}


def say_metrics(console: Any, metrics: Mapping[str, Mapping[str, float | None]]) -> None:
    """Print one line for each metric."""
    for name, words in _METRICS.items():
        if (found := metrics.get(name)) is not None:
            value, low, high = (
                "undefined" if found[key] is None else f"{found[key]:.3f}" for key in ("value", "low", "high")
            )
            interval = "" if "undefined" in (low, high) else f"  95 % interval {low} to {high}"
            _say(console, f"  {words:<18} {value}{interval}")


def check_table(path: Path, option: str) -> None:
    """Refuse what is no file of a table."""
    _check_input(path, option)
    if path.is_dir():
        raise WrongUse(f"{option} {path} is a folder; give a table, as {path / 'features.parquet'}")


@app.command(
    help="Train a classifier on a table of features, and measure it by nested cross-validation.\n\n"
    "TABLE is a .parquet or .csv file with a row for each case; that of `cormack run` is turned into one. Columns of "
    "numbers are features, unless they are ids. What is fitted, chosen and calibrated is so within the training rows "
    "of each fold alone, and rows of one group, as a patient, are never on both sides. MODEL is a folder: the model "
    "without any pickle, a card, and a report. Exit code: 0 all good, 2 wrong use.",
    epilog="Example:  [bold]cormack train results/features.parquet --labels labels.csv --target diagnosis "
    "--groups patient --out model[/bold]",
)
def train(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", parser=_path, help="A table of features, .parquet or .csv.")
    ],
    target: Annotated[str, typer.Option("--target", "-t", metavar="COLUMN", help="The column of classes.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", parser=_path, help="The folder of the model.")],
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", help="svm, random-forest, boosting or logistic.")
    ] = "svm",
    groups: Annotated[
        str | None, typer.Option("--groups", "-g", metavar="COLUMN", help="The column of groups, as patients.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", "-l", metavar="FILE", parser=_path, help="A table of case, target and groups."),
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", metavar="CLASS", help="What is looked for; else the last class.")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option("--features", metavar="PATTERN", help="Features, as 'stat_*'; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="PATTERN", help="No features; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="The same gives the same numbers.")] = 0,
    folds: Annotated[int, typer.Option("--folds", metavar="N", min=2, help="Folds that measure.")] = 5,
    inner_folds: Annotated[
        int, typer.Option("--inner-folds", metavar="N", min=2, help="Folds that choose and calibrate.")
    ] = 3,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", min=1, help="Cross-validations.")] = 1,
    calibration: Annotated[
        str, typer.Option("--calibration", metavar="NAME", help="sigmoid, or isotonic for many rows.")
    ] = "sigmoid",
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="Threads; by default all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> int:
    """``cormack train``."""
    check_table(table, "TABLE")
    if labels is not None:
        check_table(labels, "--labels")
    _check_out(out)
    from cormack import classify
    from cormack.classify import _folder

    _folder.check_folder(out)
    started = time.perf_counter()
    with _progress(quiet=quiet or as_json, first="reading the table") as bar:

        def advance(done: int, total: int, what: str) -> None:
            if bar is not None:
                bar("fit", what, "", done, total)

        try:
            found = classify.train(
                table,
                target,
                model=model,
                groups=groups,
                labels=labels,
                positive=positive,
                features=features or None,
                exclude=exclude or (),
                seed=seed,
                folds=folds,
                inner_folds=inner_folds,
                repeats=repeats,
                calibration=calibration,
                workers=threads,
                progress=advance,
            )
        except (TypeError, ValueError) as error:
            raise WrongUse(str(error).removeprefix("train: ")) from error
    found.save(out)
    card = found.card
    if as_json:
        _print_json(card)
    elif not quiet:
        console = _console()
        counts = ", ".join(f"{count} {_one_line(name)}" for name, count in found.evaluation["class_counts"].items())
        grouped = "" if card["groups"] is None else f" in {card['groups']} groups"
        seconds = _seconds(time.perf_counter() - started)
        _say(console, f"{card['rows']} cases{grouped}: {counts}; {len(card['features'])} features, {seconds}", "bold")
        for why, count in card["left_out"].items():
            _say(console, f"  left out: {count} {why}")
        for note in card["notes"]:
            _say(console, f"  note: {note}", "yellow")
        chosen = ", ".join(f"{name} {value}" for name, value in card["parameters"].items())
        _say(console, f"{model} ({chosen}), measured on rows that it had not seen:")
        say_metrics(console, card["metrics"])
        _say(console, f"Model: {out}")
        _say(console, f"Report: {out / 'report.html'}")
    return _OK
