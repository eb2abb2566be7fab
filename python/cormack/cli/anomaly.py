"""``cormack anomaly``: what differs from normal, in tables and in images."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cormack.cli.app import (
    _OK,
    _SOME_FAILED,
    WrongUse,
    _check_input,
    _check_out,
    _complain,
    _console,
    _duration,
    _memory_per_case,
    _one_line,
    _path,
    _print_json,
    _progress,
    _say,
    _seconds,
    _size,
    app,
)

_MOST_SHOWN = 10

group = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  [bold]cormack anomaly images normal/ new/ --out found[/bold]",
)
app.add_typer(
    group,
    name="anomaly",
    help="Find what differs from normal: rows of a feature table, or images and where in them.\n\n"
    "[bold]images[/bold] looks at a folder of images against a folder of normal ones. [bold]fit[/bold] learns from a "
    "table what normal rows look like, [bold]score[/bold] says which rows of a table are not.",
)

_Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what failed.")]
_Contamination = Annotated[
    float, typer.Option("--contamination", metavar="SHARE", help="Share of normal ones that may be called outliers.")
]
_Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="The same seed gives the same numbers.")]


@group.command(
    help="Learn from a table what normal rows look like.\n\n"
    "TABLE is features.parquet or features.csv of `cormack run`, or any table with a row for each case. Its numbers "
    "are its features, but for ids.\n\nExit code: 0 all good, 2 wrong use.",
    epilog="Example:  [bold]cormack anomaly fit features.parquet --reference diagnosis=benign --out normal[/bold]",
)
def fit(
    table: Annotated[Path, typer.Argument(metavar="TABLE", parser=_path, help="A .parquet or .csv file.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", parser=_path, help="The folder to write.")],
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            metavar="NAME",
            help="isolation-forest, mahalanobis, local-outlier-factor; or a detector of PyOD, as HBOS or KNN.",
        ),
    ] = "isolation-forest",
    reference: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            "-r",
            metavar="COLUMN=VALUE",
            help="Which rows are normal; again for another value or column. Default: all.",
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option("--features", "-f", metavar="PATTERN", help="Only these columns, as 'stat_*'; again for more."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", "-x", metavar="PATTERN", help="Not these columns; again for more."),
    ] = None,
    contamination: _Contamination = 0.05,
    seed: _Seed = 0,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> int:
    """``cormack anomaly fit``."""
    _check_input(table, "TABLE")
    wanted: dict[str, list[str]] = {}
    for text in reference or ():
        column, equals, value = text.partition("=")
        if not equals or not column:
            raise WrongUse(f"--reference {text!r} is no COLUMN=VALUE, as diagnosis=benign")
        wanted.setdefault(column, []).append(value)
    from cormack import anomaly
    from cormack.anomaly._model import check_free

    check_free(out)
    with _WrongUseOfLibrary():
        detector = anomaly.fit_table(
            table,
            method=method,
            reference=wanted or None,
            features=features,
            exclude=exclude or (),
            contamination=contamination,
            seed=seed,
        )
        anomaly.save_detector(detector, out)
    if as_json:
        _print_json(
            {
                "model": str(out),
                "method": method,
                "rows": detector.rows,
                "features": detector.features,
                "dropped": detector.dropped,
                "notes": detector.notes,
                "threshold": detector.calibration.threshold,
                "smallest_p_value": detector.calibration.smallest,
            }
        )
    elif not quiet:
        console = _console()
        _say(console, f"{method}: {detector.rows} normal rows, {len(detector.features)} features", "bold")
        for note in detector.notes:
            _say(console, f"  {note}")
        for entry in detector.dropped[:_MOST_SHOWN]:
            _say(console, f"  left out: {_one_line(entry['feature'])}: {_one_line(entry['why'])}")
        if len(detector.dropped) > _MOST_SHOWN:
            _say(console, f"  and {len(detector.dropped) - _MOST_SHOWN} more; {out}/card.json has them all")
        _say(console, f"Model: {out}")
    return _OK


@group.command(
    help="Say which rows of a table differ from normal, by how much, and in which features.\n\n"
    "MODEL is what `cormack anomaly fit` wrote. A table whose features were extracted with other settings is refused. "
    "A report is written beside FILE.\n\nExit code: 0 all good, 2 wrong use.",
    epilog="Example:  [bold]cormack anomaly score normal features.parquet --out scores.csv[/bold]",
)
def score(
    model: Annotated[Path, typer.Argument(metavar="MODEL", parser=_path, help="The folder of a model.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", parser=_path, help="A .parquet or .csv file.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", parser=_path, help="The .csv or .parquet file to write.")
    ],
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> int:
    """``cormack anomaly score``."""
    _check_input(model, "MODEL")
    _check_input(table, "TABLE")
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise WrongUse(f"--out {out} must end in .csv or .parquet")
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise WrongUse(f"--out {out} must be a file in a folder that exists")
    if out.exists() and out.samefile(table):
        raise WrongUse(f"--out {out} is the table itself; give another file")
    from cormack.anomaly import _rows

    began = time.perf_counter()
    with _WrongUseOfLibrary():
        record, report = _rows.score_rows(model, table, out, began)
    cases = record["cases"]
    outliers = [case for case in cases if case["outlier"]]
    if as_json:
        keys = ("id", "score", "p_value", "outlier", "missing", "features")
        _print_json(
            {
                "out": str(out),
                "report": str(report),
                "rows": len(cases),
                "outliers": len(outliers),
                "threshold": record["threshold"],
                "cases": [{key: case[key] for key in keys} for case in cases],
            }
        )
    elif not quiet:
        console = _console()
        _say(console, f"{len(cases)} rows: {len(outliers)} outliers", "bold")
        for note in record["notes"]:
            _say(console, f"  {note}")
        for case in sorted(outliers, key=lambda case: -float(case["score"]))[:_MOST_SHOWN]:
            most = ", ".join(f"{_one_line(name)} {z:+.1f}" for name, z in case["features"])
            _say(console, f"  {_one_line(str(case['id']))}: score {case['score']:.3g}, p {case['p_value']:.3g}; {most}")
        if len(outliers) > _MOST_SHOWN:
            _say(console, f"  and {len(outliers) - _MOST_SHOWN} more; {out} has them all")
        _say(console, f"Scores: {out}")
        _say(console, f"Report: {report}")
    return _OK


@group.command(
    help="Say which images differ from normal ones, and where: heat maps, pictures, a table, a report.\n\n"
    "NORMAL is a folder of normal images, or DIR/model of an earlier run. INPUT is a folder of images, or one. Patches "
    "of the images are compared with those of the normal ones; with --model FILE.onnx what an autoencoder makes of an "
    "image is compared with the image.\n\n"
    "Exit code: 0 all good, 1 some cases failed, 2 wrong use.",
    epilog="Example:  [bold]cormack anomaly images normal/ new/ --masks lungs/ --out found[/bold]",
)
def images(
    normal: Annotated[Path, typer.Argument(metavar="NORMAL", parser=_path, help="Normal images, or a model.")],
    source: Annotated[Path, typer.Argument(metavar="INPUT", parser=_path, help="Images to look at.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", parser=_path, help="The folder to write to.")],
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="patches, or the .onnx file of a network that reconstructs."),
    ] = "patches",
    masks: Annotated[
        Path | None,
        typer.Option("--masks", metavar="DIR", parser=_path, help="Where to look: masks named as images, normal too."),
    ] = None,
    patch: Annotated[
        int | None, typer.Option("--patch", metavar="N", help="Edge of patches in voxels, odd; 9 if not given.")
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option("--spacing", metavar="Z,Y,X", help="Voxel size in mm to look at all images with; or one number."),
    ] = None,
    intensity: Annotated[
        str | None,
        typer.Option("--intensity", metavar="NAME", help="none (CT, and if not given); zscore, robust, minmax (MR)."),
    ] = None,
    smoothing: Annotated[
        float | None,
        typer.Option("--smoothing", metavar="MM", help="Of a network's residual; 3 if not given."),
    ] = None,
    contamination: _Contamination = 0.05,
    seed: _Seed = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Cases at a time.")] = 1,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="TIME", parser=_duration, help="Stop a case after 90s, 30m, 2h."),
    ] = None,
    max_memory: Annotated[
        int | None,
        typer.Option("--max-memory", metavar="SIZE", parser=_size, help="Stop a case that needs more: 8GB."),
    ] = None,
    keep_identity: Annotated[
        bool,
        typer.Option("--keep-identity", help="Name DICOM cases by folders and files, which may be names of patients."),
    ] = False,
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> int:
    """``cormack anomaly images``."""
    _check_input(normal, "NORMAL")
    _check_input(source)
    _check_out(out)
    if masks is not None:
        _check_input(masks, "--masks")
        if not masks.is_dir():
            raise WrongUse(f"--masks {masks} is not a folder; give the folder that holds the masks")
    network = None
    if model != "patches":
        network = _path(model)
        _check_input(network, "--model")
    only = {"--patch": patch, "--spacing": spacing, "--intensity": intensity} if network else {"--smoothing": smoothing}
    for option, value in only.items():
        if value is not None:
            raise WrongUse(f"{option} is for {'--model patches' if network else '--model FILE.onnx'}; leave it out")
    given = {
        "patch": patch,
        "spacing": None if spacing is None else _numbers(spacing),
        "intensity": intensity,
        "smoothing": smoothing,
    }
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if (normal / "card.json").exists():
        if settings or network is not None:
            raise WrongUse(f"{normal} is a model, which has its settings; leave {', '.join(settings) or '--model'} out")
    else:
        settings |= {"contamination": contamination, "seed": seed}
    from cormack.anomaly import score_folder

    with _WrongUseOfLibrary(), _progress(quiet=quiet or as_json) as progress:
        record = score_folder(
            normal,
            source,
            out,
            network=network,
            masks=masks,
            keep_identity=keep_identity,
            workers=jobs,
            timeout_s=timeout,
            max_memory_bytes=max_memory or _memory_per_case(jobs),
            progress=progress,
            **settings,
        )
    return _finish(record, out, as_json=as_json, quiet=quiet)


def _finish(record: Mapping[str, Any], out: Path, *, as_json: bool, quiet: bool) -> int:
    cases = record["cases"]
    failed = [case for case in cases if case["status"] != "completed"]
    outliers = [case for case in cases if case.get("outlier")]
    code = _SOME_FAILED if failed else _OK
    if as_json:
        keys = ("id", "status", "reason", "score", "p_value", "outlier", "peak_mm")
        _print_json(
            {
                "completed": len(cases) - len(failed),
                "failed": len(failed),
                "outliers": len(outliers),
                "normal": {"images": record["normal"]["images"], "left_out": record["normal"]["left_out"]},
                "threshold": record["threshold"],
                "seconds": record["seconds"],
                "out": str(out),
                "report": str(out / "report.html"),
                "cases": [{key: case.get(key) for key in keys} for case in cases],
            }
        )
        return code
    if quiet:
        for case in failed:
            _complain("cormack anomaly", f"case {case['id']} failed: {case['reason']}", code)
        return code
    console = _console()
    verdict = f"{len(cases) - len(failed)} scored, {len(failed)} failed, in {_seconds(record['seconds'])}"
    _say(console, f"{len(cases)} images: {verdict}", "bold red" if failed else "bold")
    for case in failed[:_MOST_SHOWN]:
        _say(console, f"  failed: {_one_line(case['id'])}: {_one_line(case['reason'])}", "red")
    for entry in record["normal"]["left_out"][:_MOST_SHOWN]:
        _say(console, f"  left out of the normal ones: {_one_line(entry['case'])}: {_one_line(entry['reason'])}", "red")
    _say(console)
    _say(console, f"  {len(outliers)} outliers against {record['normal']['images']} normal images")
    for note in record["notes"]:
        _say(console, f"  {note}", "yellow")
    for case in sorted(outliers, key=lambda case: -float(case["score"]))[:_MOST_SHOWN]:
        _say(console, f"  {_one_line(case['id'])}: score {case['score']:.3g}, p {case['p_value']:.3g}")
    if len(outliers) > _MOST_SHOWN:
        _say(console, f"  and {len(outliers) - _MOST_SHOWN} more; the report lists them all")
    _say(console)
    _say(console, f"Report: {out / 'report.html'}")
    return code


def _numbers(text: str) -> list[float] | float:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise WrongUse(f"--spacing {text!r} must be one number of mm, or as many as there are axes: 2,1,1") from None
    return values if len(values) > 1 else values[0]


class _WrongUseOfLibrary:
    """What the library says about arguments, tables and models is said to the user, without the function's name."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (ValueError, TypeError)) and not isinstance(error, WrongUse):
            text = str(error)
            for function in ("fit_table", "fit_patches", "fit_residual", "score_folder", "score"):
                text = text.removeprefix(f"{function}: ")
            raise WrongUse(text) from error
