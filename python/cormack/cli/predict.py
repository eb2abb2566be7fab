"""``cormack predict``: a model applied to a table of features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cormack.cli.app import (
    _OK,
    _SOME_FAILED,
    WrongUse,
    _check_input,
    _console,
    _one_line,
    _path,
    _print_json,
    _say,
    app,
)
from cormack.cli.train import check_table, say_metrics


def _write(table: Mapping[str, Any], path: Path) -> None:
    from cormack.pipeline.files import csv_table, parquet_table

    types = {name: {"i": int, "f": float, "b": bool}.get(column.dtype.kind, str) for name, column in table.items()}
    rows = [
        {name: str(value) if types[name] is str and value is not None else value for name, value in row.items()}
        for row in table.rows()  # type: ignore[attr-defined]
    ]
    writing = csv_table(path, types) if path.suffix.lower() == ".csv" else parquet_table(path, types)
    with writing as add:
        add(rows)


@app.command(
    help="Apply a model of `cormack train` to a table of features: the class of each case and its probabilities.\n\n"
    "A table that was extracted with other settings than the model's, or that has other features, is refused, and what "
    "differs is said. Where the truth is known, from --labels or a column of the table, metrics with intervals are "
    "printed and a report is written beside FILE. Exit code: 0 all good, 1 some cases failed or have none of the "
    "features and get no prediction, 2 wrong use.",
    epilog="Example:  [bold]cormack predict model results/features.parquet --out predictions.csv[/bold]",
)
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", parser=_path, help="The folder that `cormack train` wrote.")
    ],
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", parser=_path, help="A table of features, .parquet or .csv.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", parser=_path, help="The predictions, .csv or .parquet.")
    ],
    labels: Annotated[
        Path | None, typer.Option("--labels", "-l", metavar="FILE", parser=_path, help="A table of case and truth.")
    ] = None,
    ignore_extra: Annotated[
        bool, typer.Option("--ignore-extra", help="Leave out features that the training did not have.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.")] = False,
) -> int:
    """``cormack predict``."""
    _check_input(model, "MODEL")
    check_table(table, "TABLE")
    if labels is not None:
        check_table(labels, "--labels")
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise WrongUse(f"--out must end in .csv or .parquet, got {out}")
    if out.is_dir() or not out.parent.is_dir():
        raise WrongUse(f"--out {out} must be a file in a folder that exists")
    if out.exists() and any(out.samefile(path) for path in (table, labels) if path is not None):
        raise WrongUse(f"--out {out} is an input; give another file")
    from cormack import classify
    from cormack.classify import _model

    known = classify.load_model(model)
    found = None
    try:
        source = _model.read_cases(table, known)
        predictions = known.predict(source, ignore_extra=ignore_extra)
        if labels is not None or known.card["target"] in source.columns:
            found = classify.evaluate(known, source, labels=labels, ignore_extra=ignore_extra)
    except classify.TableRefused as error:
        console = _console(stderr=True)
        for place, ours, theirs in error.differences:
            _say(console, _one_line(f"{place}: the model's features have {ours!r}, the table's {theirs!r}"))
        if error.differences:
            count = len(error.differences)
            raise WrongUse(
                f"{table} was extracted with other settings than the model's features: {count} differ"
                f"{'s' if count == 1 else ''}; extract it with the model's"
            ) from error
        raise WrongUse(f"{error} (--ignore-extra)" if "to be ignored" in str(error) else str(error)) from error
    except (TypeError, ValueError) as error:
        raise WrongUse(str(error)) from error
    _write(predictions, out)
    report = None
    if found is not None:
        report = _report(out.with_suffix(".html"), known, found)
    counts = {str(name): int((predictions["predicted"] == name).sum()) for name in known.classes}
    unmeasured = sum(name is None for name in predictions["predicted"])
    code = _SOME_FAILED if source.failed or unmeasured else _OK
    if as_json:
        _print_json(
            {
                "cases": predictions.row_count,
                "failed": source.failed,
                "unmeasured": unmeasured,
                "predicted": counts,
                "settings_compared": None not in (known.card["extraction"], source.extraction),
                "without_truth": None if found is None else found["left_out"],
                "in_training": None if found is None else found["in_training"],
                "metrics": None if found is None else found["metrics"],
                "out": str(out),
                "report": None if report is None else str(report),
            }
        )
        return code
    if quiet:
        return code
    console = _console()
    shown = ", ".join(f"{count} {_one_line(name)}" for name, count in counts.items())
    _say(console, f"{predictions.row_count} cases: {shown}", "bold")
    if source.failed:
        _say(console, f"  {source.failed} failed cases have no prediction", "red")
    if unmeasured:
        _say(console, f"  {unmeasured} cases have none of the model's features, and no prediction", "red")
    if None in (known.card["extraction"], source.extraction):
        whose = "model" if known.card["extraction"] is None else "table"
        _say(console, f"  the {whose} does not say how its features were extracted: settings were not compared")
    if found is not None:
        _say(console, f"{len(found['predictions'])} of them have a truth:")
        if (column := known.card["group_column"]) is not None and not found["grouped"]:
            words = "intervals take cases as independent, and are too narrow if they are not"
            _say(console, f"  there is no column {_one_line(column)!r}: {words}", "yellow")
        if found["in_training"]:
            words = "have ids of the training: metrics are too good if they are the same cases"
            _say(console, f"  {found['in_training']} of these {words}", "yellow")
        say_metrics(console, found["metrics"])
    _say(console, f"Predictions: {out}")
    if report is not None:
        _say(console, f"Report: {report}")
    return code


def _report(path: Path, model: Any, found: Mapping[str, Any]) -> Path:
    from cormack.classify.report import write_prediction_report

    return write_prediction_report(
        path,
        found["predictions"],
        classes=model.classes,
        positive=model.card["positive"],
        metrics=found["metrics"],
        card=model.card,
    )
