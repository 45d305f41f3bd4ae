"""`insurance-data replay`."""

import asyncio
import json
from enum import StrEnum
from pathlib import Path

import click

from insurance_data.cli.sending import INTERRUPTION, Recorder, send_sources
from insurance_data.errors import OutputError
from insurance_data.replay import (
    EventOrigin,
    EventReplayer,
    InferenceReplayer,
    InputForm,
    Replayer,
    ReplaySettings,
)
from insurance_data.replay.report import ReplayReport
from insurance_data.replay.settings import random_id_prefix
from insurance_data.replay.source import read_sources
from insurance_data.schema import FEATURES

FAILED = 1
INTERRUPTED = 130


class Target(StrEnum):
    """Where a replay goes."""

    MODEL = "model"
    DETECTOR = "detector"


DEFAULT_ROWS_PER_REQUEST = {Target.MODEL: 10, Target.DETECTOR: 100}
DEFAULT_URLS = {Target.MODEL: "http://127.0.0.1:8080", Target.DETECTOR: "http://127.0.0.1:8085"}


def parse_months(context: click.Context, parameter: click.Parameter, value: str | None) -> list[int] | None:
    """Months such as `1,2,5-8`, in the order given."""
    del context, parameter
    if value is None:
        return None
    months: list[int] = []
    for part in value.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise click.BadParameter(f"{value!r} is not a list such as 1,2,5-8")
        months.extend(range(int(first), int(last or first) + 1))
    if not months:
        raise click.BadParameter(f"{value!r} names no month")
    return months


def parse_headers(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Headers such as `Host: insurance-risk.example.com`."""
    del context, parameter
    headers = {}
    for value in values:
        name, colon, content = value.partition(":")
        if not colon:
            raise click.BadParameter(f"{value!r} is not of the form 'Name: value'")
        headers[name.strip()] = content.strip()
    return headers


@click.command(
    epilog="Examples: insurance-data replay build/data --rows-per-request 10 --rows-per-second 500;"
    " insurance-data replay applicants.csv --to detector --rows-per-request 100 --json report.json"
)
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    type=click.Choice([target.value for target in Target]),
    default=Target.MODEL.value,
    show_default=True,
    help="model: V2 requests, predictions included. detector: one request event per V2 body, with the headers of"
    " KServe's agent; no predictions, many times faster.",
)
@click.option("--url", help="Address of the V2 server or the detector.  [default: http://127.0.0.1:8080 or :8085]")
@click.option("--model", default="insurance-risk", show_default=True, help="Name of the model (--to model).")
@click.option(
    "--inference-service",
    default="insurance-risk",
    show_default=True,
    help="InferenceService that the events claim to come from (--to detector).",
)
@click.option("--namespace", default="default", show_default=True, help="Its namespace (--to detector).")
@click.option(
    "--rows-per-request",
    type=click.IntRange(min=1),
    help="Rows sent at once.  [default: 10 to a model, 100 to a detector]",
)
@click.option("--requests-per-second", type=float, help="Start at most so many requests per second.")
@click.option("--rows-per-second", type=float, help="Send at most so many rows per second; the slower bound holds.")
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Requests under way at once. Only 1 keeps the rows strictly in order.",
)
@click.option(
    "--timeout", "timeout_seconds", type=float, default=10.0, show_default=True, help="Seconds to wait for an answer."
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="Send a request again, under the same id, when no connection came about. Every resend is in the report.",
)
@click.option(
    "--retry-possibly-processed",
    is_flag=True,
    help="Also send again after a timeout, a lost connection or HTTP 429, 502, 503, 504, where the server may have"
    " processed the rows already.",
)
@click.option(
    "--stop-after-failures",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Stop after so many failed requests in a row.",
)
@click.option("--id-prefix", help="Start of every request id; must be new for every run.  [default: random]")
@click.option("--months", callback=parse_months, help="Months of a data set, for example 1,2,5-8.  [default: all]")
@click.option(
    "--column",
    "columns",
    multiple=True,
    help=f"Column to send; repeat it in the order of the model's features.  [default: {', '.join(FEATURES)}]",
)
@click.option(
    "--input-form",
    type=click.Choice([form.value for form in InputForm]),
    default=InputForm.TENSORS.value,
    show_default=True,
    help="One tensor per column, or one matrix input-0 (--to model).",
)
@click.option(
    "--header", "headers", multiple=True, callback=parse_headers, help="HTTP header 'Name: value'; repeatable."
)
@click.option(
    "--json",
    "report_file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the report as JSON to this file; - prints it instead of the text.",
)
def replay(
    *,
    source: Path,
    target: str,
    url: str | None,
    model: str,
    inference_service: str,
    namespace: str,
    rows_per_request: int | None,
    requests_per_second: float | None,
    rows_per_second: float | None,
    concurrency: int,
    timeout_seconds: float,
    retries: int,
    retry_possibly_processed: bool,
    stop_after_failures: int,
    id_prefix: str | None,
    months: list[int] | None,
    columns: tuple[str, ...],
    input_form: str,
    headers: dict[str, str],
    report_file: Path | None,
) -> None:
    """Send SOURCE, a CSV file or the months of a data set, to a V2 endpoint or to a drift detector, in order.

    Everything is read and checked before the first request. The report lists latency percentiles, every failed request
    and every request that was sent more than once; proxies of the environment are not used.

    Exit codes: 0 every request was answered, 1 a request failed, 2 bad usage or input (nothing was sent),
    130 interrupted (the report says what was sent).
    """
    settings = ReplaySettings(
        rows_per_request=rows_per_request or DEFAULT_ROWS_PER_REQUEST[Target(target)],
        requests_per_second=requests_per_second,
        rows_per_second=rows_per_second,
        concurrency=concurrency,
        timeout_seconds=timeout_seconds,
        retries=retries,
        retry_possibly_processed=retry_possibly_processed,
        max_consecutive_failures=stop_after_failures,
        id_prefix=random_id_prefix() if id_prefix is None else id_prefix,
        columns=columns or FEATURES,
        headers=headers,
    )
    address = url or DEFAULT_URLS[Target(target)]
    recorder = Recorder()
    replayer: Replayer
    if target == Target.MODEL:
        form = InputForm(input_form)
        replayer = InferenceReplayer(address, model, settings, form=form, on_exchange=recorder.record)
    else:
        origin = EventOrigin(inference_service, namespace)
        replayer = EventReplayer(address, origin, settings, on_exchange=recorder.record)
    sources = read_sources(source, settings.columns, months)
    if report_file is not None and str(report_file) != "-":
        require_writable(report_file)

    report = asyncio.run(send_sources(replayer, sources, recorder))
    write_report(report, report_file)
    if report.stopped == INTERRUPTION:
        raise SystemExit(INTERRUPTED)
    if not report.complete:
        raise SystemExit(FAILED)


def require_writable(path: Path) -> None:
    """Open the report's file before anything is sent: a report that cannot be written would lose what it says.

    Raises:
        OutputError: the file cannot be opened for writing.
    """
    try:
        path.open("a").close()
    except OSError as error:
        raise OutputError(f"the report cannot be written to {path}: {error}") from error


def write_report(report: ReplayReport, path: Path | None) -> None:
    """Print the report, and write it as JSON where that was asked for."""
    as_json = json.dumps(report.to_dict(), indent=2)
    if path is not None and str(path) == "-":
        click.echo(as_json)
        return
    click.echo(report.to_text())
    if path is not None:
        path.write_text(as_json + "\n", encoding="utf-8")
