"""The commands of ``cormack``. Heavy imports stand inside the commands: ``cormack --help`` must answer at once."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import textwrap
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.main

from cormack import __version__
from cormack._config import memory_of_machine
from cormack._errors import BackendUnavailable, GeometryError, ModelRefused, ReadError
from cormack._files import bytes_of_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from cormack.pipeline import Estimate

    Progress = Callable[[str, str, str, int, int], None]

_OK, _SOME_FAILED, _WRONG_USE, _INTERRUPTED = 0, 1, 2, 130

# What `cormack info` looks for, by extra; the names are those of the Python Package Index.
_LIBRARIES = {
    "io": ("pydicom", "imagecodecs", "python-gdcm", "pillow", "isal"),
    "cohort": ("typer", "rich", "pydantic", "pyyaml", "pyarrow", "jinja2"),
    "ml": ("scikit-learn", "skops"),
    "onnx": ("onnxruntime", "onnx"),
    "dask": ("dask", "distributed"),
    "cuda": ("cupy-cuda12x", "cupy-cuda13x", "cupy"),
    "others": ("scipy", "pandas", "polars", "torch", "threadpoolctl", "nilearn", "napari"),
}


class WrongUse(Exception):
    """What the user asked for cannot be done; the message says what is wrong and what to do."""


app = typer.Typer(
    name="cormack",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  [bold]cormack demo[/bold]  needs no data of yours and ends with a report.",
)


# --- From an exception to one line and an exit code ----------------------------------------------------------------


def run_app(arguments: list[str]) -> int:
    """Run the command; whatever goes wrong ends as one line on stderr and an exit code, never as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark, not an exception.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")
    words = [word for word in arguments if not word.startswith("-")]
    names = typer.main.get_group(app).commands
    prefix = f"cormack {words[0]}" if words and words[0] in names else "cormack"
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{prefix}: {_one_line(str(message))}", file=sys.stderr)
            code = typer.main.get_command(app).main(arguments, prog_name="cormack", standalone_mode=False)
        sys.stdout.flush()
        if code != _INTERRUPTED:  # how typer since 0.26 says KeyboardInterrupt
            return code if isinstance(code, int) else _OK
    except (KeyboardInterrupt, typer.Abort):
        pass
    except BrokenPipeError:
        # `cormack presets | head`: the reader left. Python would complain again while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SOME_FAILED
    except Exception as error:
        if os.environ.get("CORMACK_DEBUG", "0") not in ("", "0"):
            traceback.print_exc()
        message, code = _explain(error, prefix)
        return _complain(prefix, message, code)
    return _complain(prefix, "interrupted; cases that were finished are kept", _INTERRUPTED)


def _explain(error: Exception, prefix: str) -> tuple[str, int]:
    # Click's exceptions live inside typer since 0.26 and in click before; both can do this.
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        message = error.format_message().rstrip(".")
        return f"{message}{' See' if message.endswith('?') else '; see'} `{prefix} --help`", _WRONG_USE
    # Looked up and not imported: what has not been imported cannot have raised it.
    config_error = getattr(sys.modules.get("cormack.pipeline.config"), "ConfigError", WrongUse)
    if isinstance(error, (WrongUse, ReadError, GeometryError, ModelRefused, BackendUnavailable, config_error)):
        return str(error), _WRONG_USE
    if isinstance(error, ModuleNotFoundError) and not (error.name or "cormack").startswith("cormack"):
        return f'{error.name} is not installed; install with: pip install "cormack[cohort]"', _WRONG_USE
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        mistaken = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
        return f"{where}{error.strerror}", _WRONG_USE if isinstance(error, mistaken) else _SOME_FAILED
    name = type(error).__name__
    return f"internal error: {name}: {error}; set CORMACK_DEBUG=1 for the traceback", _SOME_FAILED


def _complain(prefix: str, message: str, code: int) -> int:
    print(f"{prefix}: {_one_line(message)}", file=sys.stderr)
    return code


def _one_line(message: str) -> str:
    """One line that a terminal shows as it is: file names may carry line breaks and escape sequences."""
    text = " ".join(message.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


# --- Output --------------------------------------------------------------------------------------------------------


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def _say(console: Console, text: str = "", style: str | None = None) -> None:
    # Soft wrap leaves lines whole at any width, so that scripts and eyes find the same text.
    console.print(text, style=style, soft_wrap=True)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


@contextmanager
def _progress(*, quiet: bool, first: str = "looking for images") -> Iterator[Progress | None]:
    """A bar on stderr, for people only: not in a pipe, not in a log, not with ``--quiet``."""
    console = _console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(first, total=None)

        def advance(event: str, case_id: str, step: str, done: int, total: int) -> None:
            words = [_one_line(str(word)) for word in (case_id, step) if word]
            bar.update(task, completed=done, total=total or None, description=escape(": ".join(words) or event))

        yield advance


def _seconds(value: float) -> str:
    if value >= 60:
        return f"{int(value) // 60} min {value % 60:.0f} s"
    return f"{value:.2f} s"


def _record(out: Path) -> dict[str, Any]:
    """``run.json`` as the run left it: the one source for the summary, the same as the report's."""
    with open(out / "run.json", encoding="utf-8") as file:
        record: dict[str, Any] = json.load(file)
    return record


def _report_path(out: Path) -> Path:
    """The report; built here when the run did not."""
    path = out / "report.html"
    record = out / "run.json"
    if not path.exists() or path.stat().st_mtime_ns < record.stat().st_mtime_ns:
        from cormack.pipeline.report import write_report

        path = write_report(out)
    return path


def _finish(command: str, out: Path, *, as_json: bool, quiet: bool) -> int:
    """Print the summary and choose the exit code."""
    report = _report_path(out)
    record = _record(out)
    cases = [case for case in record.get("cases", []) if isinstance(case, Mapping)]
    failed = [case for case in cases if case.get("status") != "completed"]
    seconds = float(record.get("seconds") or 0.0)
    timings = {str(step): float(value) for step, value in (record.get("timings") or {}).items() if value}
    kernels = record.get("kernel_seconds")
    # With several workers the steps add up to more than the clock; the share is of the time that was worked.
    whole = max(seconds, sum(timings.values()))
    share = float(kernels) / whole if kernels is not None and whole > 0 else None
    detection = {key: value for key, value in (record.get("detection") or {}).items() if key != "curve"}
    code = _SOME_FAILED if failed or not cases else _OK
    if as_json:
        _print_json(
            {
                "completed": len(cases) - len(failed),
                "failed": len(failed),
                "seconds": seconds,
                "timings": timings,
                "kernel_seconds": kernels,
                "kernel_share": share,
                "out": str(out),
                "report": str(report),
                "detection": detection,
                "cases": [{key: case.get(key) for key in ("id", "status", "reason", "seconds")} for case in cases],
            }
        )
        return code
    if quiet:
        for case in failed:
            reason = case.get("reason") or "no reason recorded"
            _complain(f"cormack {command}", f"case {case.get('id')} failed: {reason}", code)
        return code
    console = _console()
    count = f"{len(cases)} case{'' if len(cases) == 1 else 's'}"
    verdict = f"{len(cases) - len(failed)} completed, {len(failed)} failed"
    _say(console, f"{count}: {verdict}, in {_seconds(seconds)}", "bold red" if failed else "bold")
    for case in failed[:20]:
        _say(console, f"  failed: {_one_line(str(case.get('id')))}: {_one_line(str(case.get('reason') or '?'))}", "red")
    if len(failed) > 20:
        _say(console, f"  and {len(failed) - 20} more; the report lists them all", "red")
    if detection:
        _say(console)
        _say(console, f"  known lesions: {detection['found']} of {detection['lesions']} found")
        points = detection.get("sensitivity") or {"false_positives_per_case": [], "sensitivity": []}
        for rate, value in zip(points["false_positives_per_case"], points["sensitivity"], strict=True):
            _say(console, f"  sensitivity at {rate:g} false candidates per case: {value:.3f}")
    if timings:
        _say(console)
        width = max(12, *(len(step) for step in timings))
        for step, value in timings.items():
            _say(console, f"  {step:<{width}}  {value:8.3f} s  {100 * value / whole if whole else 0:5.1f} %")
        if share is not None:
            _say(console, f"  {'in kernels':<{width}}  {float(kernels or 0):8.3f} s  {100 * share:5.1f} % of the whole")
        _say(console)
    _say(console, f"Report: {report}")
    return code


# --- cormack run ---------------------------------------------------------------------------------------------------


def _path(text: str | os.PathLike[str]) -> Path:
    """A path as typed. An empty one, mostly a shell variable without a value, would mean the current folder."""
    if not os.fspath(text):
        raise typer.BadParameter("the path is empty; give one, or . for the current folder")
    return Path(text)


def _size(text: str | int) -> int:
    """A number of bytes as typed: 500000000, 500MB, 2GiB."""
    try:
        return bytes_of_words(str(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _duration(text: str | float) -> float:
    """Seconds as typed: ``90``, ``90s``, ``30m``, ``2h``."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(text), re.IGNORECASE)
    if match is None or not float(match[1]):
        raise typer.BadParameter(f"{text!r} is no time; give one such as 90s, 30m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2].lower()]


def _memory_per_case(cases: int) -> int | None:
    """Its share of four fifths of what there is: the system and this process need some too."""
    memory = memory_of_machine()
    return None if memory is None else memory * 4 // 5 // cases


def _chosen_jobs(source: Path) -> int:
    """Cases at a time: two threads each leave the parts of a case that have one no machine idle."""
    return 1 if source.is_file() else max(1, min(16, (os.cpu_count() or 1) // 2))


def _check_input(source: Path, option: str = "INPUT") -> None:
    if not os.path.lexists(source):
        near = difflib.get_close_matches(source.name, _siblings(source), n=1)
        hint = f"did you mean {source.parent / near[0]}?" if near else "check the path"
        raise WrongUse(f"{option} {source} does not exist; {hint}")


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _check_out(out: Path) -> None:
    for folder in (out, *out.parents):
        if folder.is_dir():
            return
        if os.path.lexists(folder):
            what = "is a file" if folder.is_file() else "is not a folder"
            raise WrongUse(f"--out {folder} {what}; give a folder, it is made when it is not there")


def _preset(name: str) -> Path:
    """The file of a preset; raises ConfigError with the names that there are."""
    from cormack.pipeline.config import preset_path

    if Path(name).suffix in (".yaml", ".yml"):
        raise WrongUse(f"--preset takes a name and {name} looks like a file; give it with --config")
    return preset_path(name)


@app.command(
    help="Analyse the studies under INPUT: tables, label maps and a report.\n\n"
    "Import, filter, enhance, segment, screen and measure, as a preset or your own configuration says. A case that "
    "fails becomes a row with its reason, and the others go on. Run again after an interruption, or with more images, "
    "and only what is missing or has changed is done; `cormack status DIR` says where things stand. Exit code: 0 all "
    "good, 1 some cases failed, 2 wrong use.",
    epilog="Example:  [bold]cormack run studies/ --out results --preset ct-lung[/bold]",
)
def run(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", parser=_path, help="A folder of studies, a DICOM series, a NIfTI file or an image."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", parser=_path, help="Where tables, label maps and report go.")
    ],
    preset: Annotated[
        str | None,
        typer.Option("--preset", "-p", metavar="NAME", help="What to do; see `cormack presets`. Default: generic."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", parser=_path, help="What to do, as your own YAML file."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks",
            metavar="DIR",
            parser=_path,
            help="Masks (NIfTI, NRRD, MetaImage, RTSTRUCT, SEG), named as their cases.",
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="FILE",
            parser=_path,
            help="Known lesions (CSV: case, x_mm, y_mm, z_mm, diameter_mm): the report says which were found.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            help="Cases at a time, each in its own process; chosen if not given.",
        ),
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option(
            "--max-bytes",
            metavar="SIZE",
            parser=_size,
            help="What an image may take in memory, as 500MB or 2GiB: a header that asks for more fails its case. "
            "Default: 16GiB, or all memory where that is less.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="TIME", parser=_duration, help="Stop a case after 90s, 30m, 2h."),
    ] = None,
    max_memory: Annotated[
        int | None,
        typer.Option(
            "--max-memory",
            metavar="SIZE",
            parser=_size,
            help="Stop a case that needs more: 8GB. If not given, each has its share of the machine's.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="A Dask cluster that sees the same paths: tcp://host:8786.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do cases again that failed in an earlier run into DIR.")
    ] = False,
    keep_identity: Annotated[
        bool,
        typer.Option("--keep-identity", help="Name DICOM cases by folders and files, which may be names of patients."),
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="Where to compute: cpu or cuda. On a GPU cases go one at a time unless --jobs says otherwise. "
            "Default: as the configuration says, else the CPU.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write nothing: show cases, steps, and an estimate of memory and time."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what failed.")] = False,
) -> int:
    """``cormack run``."""
    if preset is not None and config is not None:
        raise WrongUse("--preset and --config exclude each other; give one of them")
    _check_input(source)
    _check_out(out)
    if masks is not None:
        _check_input(masks, "--masks")
        if not masks.is_dir():
            raise WrongUse(f"--masks {masks} is not a folder; give the folder that holds the masks")
    if truth is not None:
        _check_input(truth, "--truth")
        if truth.is_dir():
            raise WrongUse(f"--truth {truth} is a folder; give a CSV file")
    if config is not None:
        _check_input(config, "--config")
        if config.is_dir():
            raise WrongUse(f"--config {config} is a folder; give a YAML file, `cormack presets NAME` prints one")
    elif preset is not None:
        _preset(preset)
    if device not in (None, "cpu", "cuda"):
        raise WrongUse(f"--device is cpu or cuda, not {device}")
    from cormack import pipeline

    todo = pipeline.load_config(config or preset or "generic")
    on_gpu = (device or todo.device) == "cuda"
    cases = jobs or (1 if on_gpu else _chosen_jobs(source))
    # A driver maps more memory than it uses.
    memory = max_memory or (None if on_gpu else _memory_per_case(cases))
    if dry_run:
        if scheduler is not None:
            raise WrongUse("--dry-run knows this machine and no cluster; leave --scheduler out")
        plan = pipeline.estimate(
            source, todo, out, masks=masks, workers=cases, keep_identity=keep_identity, device=device
        )
        return _show_plan(plan, memory, as_json=as_json)

    budgets: dict[str, Any] = {"client": scheduler}
    if scheduler is None:
        budgets = {"workers": cases, "timeout_s": timeout, "max_memory_bytes": memory}
    elif not jobs is timeout is max_memory is None:
        raise WrongUse("--scheduler excludes --jobs, --timeout and --max-memory: the cluster decides")
    with _progress(quiet=quiet) as progress:
        pipeline.run(
            source,
            todo,
            out,
            masks=masks,
            truth=truth,
            max_bytes=max_bytes,
            retry_failed=retry_failed,
            keep_identity=keep_identity,
            device=device,
            progress=progress,
            **budgets,
        )
    return _finish("run", out, as_json=as_json, quiet=quiet)


def _show_plan(plan: Estimate, budget: int | None, *, as_json: bool) -> int:
    """``--dry-run``: what would be done, and about what it would take."""
    broken = [case for case in plan.cases if case.error]
    code = _SOME_FAILED if broken else _OK
    if as_json:
        from dataclasses import asdict

        _print_json({**asdict(plan), "memory_budget_bytes": budget, "is_estimate": True})
        return code
    console = _console()
    width = min(40, max(4, *(len(case.id) for case in plan.cases)))
    _say(
        console,
        f"{'case':<{width}}  {'kind':<10}  {'size (x, y, z)':<18}  {'type':<8}  {'memory':>8}  {'time':>8}",
        "bold",
    )
    for case in plan.cases[:200]:
        what = f"{case.kind} {case.modality}".strip()
        size = " x ".join(map(str, reversed(case.shape))) or "unknown"
        start = f"{_one_line(case.id):<{width}}  {what:<10}  "
        if case.error:
            _say(console, f"{start}would fail: {_one_line(case.error)}", "red")
            continue
        over = "  more than its share of memory" if budget is not None and case.memory_bytes > budget else ""
        memory, time = _bytes(case.memory_bytes), _seconds(case.seconds)
        _say(
            console, f"{start}{size:<18}  {case.dtype or '?':<8}  {memory:>8}  {time:>8}{over}", "red" if over else None
        )
    if len(plan.cases) > 200:
        _say(console, f"and {len(plan.cases) - 200} more; --json lists them all")
    _say(console)
    _say(console, f"Steps: {', '.join(plan.steps)}")
    count = f"{len(plan.cases)} case{'' if len(plan.cases) == 1 else 's'}"
    fails = f", {len(broken)} of them would fail" if broken else ""
    _say(
        console,
        f"{count}{fails}; {plan.workers} at a time: about {_seconds(plan.seconds)}, {_bytes(plan.memory_bytes)}",
    )
    _say(console, "An estimate from headers, mostly within a factor of three. Nothing was written.")
    return code


def _bytes(value: float) -> str:
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


# --- The other commands --------------------------------------------------------------------------------------------


@app.command(
    help="Analyse images that come with Cormack and its dependencies; needs no data of yours.\n\n"
    "Real CT and MR images, and a generated chest CT whose nodules are known: the report says which were found, at "
    "what size error, with how many false candidates.",
    epilog="Example:  [bold]cormack demo --out cormack-demo[/bold]",
)
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", parser=_path, help="Where everything goes.")
    ] = Path("cormack-demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only what failed.")] = False,
) -> int:
    """``cormack demo``."""
    _check_out(out)
    from cormack.pipeline import demo as pipeline_demo

    with _progress(quiet=quiet) as progress:
        pipeline_demo.run_demo(out, progress=progress)
    return _finish("demo", out, as_json=as_json, quiet=quiet)


@app.command(epilog="Example:  [bold]cormack presets ct-lung > mine.yaml[/bold]  makes a configuration to start from.")
def presets(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The preset to print.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of configurations, for editors that check YAML.")
    ] = False,
) -> int:
    """List the presets, or print one as YAML with its comments."""
    if schema:
        from cormack.pipeline import Config

        if name is not None or as_json:
            raise WrongUse("--schema is that of every configuration; give it alone")
        _print_json(Config.model_json_schema())
        return _OK
    if name is not None:
        # As shipped, with its comments: `cormack presets ct-lung > mine.yaml` is how a configuration starts.
        print(_preset(name).read_text("utf-8"), end="")
        return _OK
    from cormack import pipeline

    shipped = pipeline.list_presets()
    if as_json:
        _print_json(
            [{"name": key, "modality": it.modality, "description": it.description} for key, it in shipped.items()]
        )
        return _OK
    console = _console()
    width = max(map(len, shipped), default=0) + 2
    room = min(100, max(60, console.width))
    for key, item in shipped.items():
        text = " ".join(item.description.split()) or "no description"
        _say(
            console,
            textwrap.fill(
                text, room, initial_indent=f"{key:<{width}}", subsequent_indent=" " * width, break_on_hyphens=False
            ),
        )
    return _OK


@app.command(epilog="Example:  [bold]cormack info --json[/bold]")
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> int:
    """Say what was built, what runs here, how many threads, which GPU, which libraries.

    Put its output into every bug report.
    """
    import cormack

    libraries = dict(_library_versions())
    if as_json:
        _print_json({**cormack.show_config("dict"), "libraries": libraries})
        return _OK
    cormack.show_config()
    for extra, names in _LIBRARIES.items():
        found = [f"{name} {libraries[name]}" for name in names if libraries[name]]
        absent = [name for name in names if not libraries[name]]
        line = ", ".join(found) or "none"
        # Of CuPy's wheels one is enough, and no one needs all the others: their absence is no news.
        if absent and extra not in ("cuda", "others"):
            line += f' (absent: {", ".join(absent)}; pip install "cormack[{extra}]")'
        print(f"libraries, {extra}: {line}")
    return _OK


def _library_versions() -> Iterable[tuple[str, str | None]]:
    from importlib.metadata import PackageNotFoundError, version

    for names in _LIBRARIES.values():
        for name in names:
            try:
                yield name, version(name)
            except PackageNotFoundError:
                yield name, None


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cormack {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> int | None:
    """The compiled core of medical image analysis: folders of images in, tables and a report out."""
    if context.invoked_subcommand is None:
        print(context.get_help())
    return None
