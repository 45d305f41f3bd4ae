"""The command line: `drift-operator`."""

import asyncio
import json
from pathlib import Path
from typing import NoReturn

import click

from drift_operator.breaker.moments import as_text
from drift_operator.errors import EXIT_FAILED, OperatorError
from drift_operator.local.run import run
from drift_operator.local.settings import LocalSettings, parse_backend
from drift_operator.logs import set_up_logging
from drift_operator.recording import read_recording
from drift_operator.replay import ReplayReport
from drift_operator.replay import replay as replay_lines

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_FILE = click.Path(dir_okay=False, path_type=Path)


def _fail(error: OperatorError) -> NoReturn:
    click.echo(f"Error: {error}", err=True)
    raise click.exceptions.Exit(error.exit_code) from error


@click.group(context_settings=_CONTEXT)
@click.version_option(package_name="drift-operator")
def main() -> None:
    """Circuit breaker that moves live traffic between a model and its fallback.

    \b
    Exit codes: 0 ok, 1 the run or the check failed, 2 bad usage or input.
    """  # noqa: D301 (click reads \b as the mark of a verbatim paragraph)


def _backends(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    try:
        return dict(parse_backend(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@main.command()
@click.option("--file", required=True, type=_FILE, help="The DriftBreaker's YAML; read again when it changes.")
@click.option("--routes-file", required=True, type=_FILE, help="Route file that Envoy watches.")
@click.option(
    "--backend",
    "backends",
    required=True,
    multiple=True,
    metavar="NAME=HOST:PORT",
    callback=_backends,
    help="Address of a backend that the spec names; once for the model, once for the fallback.",
)
@click.option("--state-file", required=True, type=_FILE, help="Where the breaker keeps its state.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8086, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--record", type=_FILE, help="Append evidence and decisions to this file, as JSON lines.")
@click.option("--envoy-admin", metavar="URL", help="Envoy's admin interface, to see routes in force and requests.")
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="Form of the log, which goes to standard error.",
)
def local(
    *,
    file: Path,
    routes_file: Path,
    backends: dict[str, str],
    state_file: Path,
    host: str,
    port: int,
    record: Path | None,
    envoy_admin: str | None,
    log_format: str,
) -> None:
    """Run the breaker on one machine, moving Envoy's weights by a route file.

    It serves /status, /metrics and /healthz. SIGHUP reads the resource again, SIGTERM ends it (exit code 0) and
    leaves the route as it is. The state file makes a restart go on where it was; without one all traffic starts on
    the model.

    \b
    Example:
      drift-operator local --file driftbreaker.yaml --routes-file routes/routes.json --state-file breaker.json \\
        --backend insurance-risk=127.0.0.1:9081 --backend insurance-risk-rules=127.0.0.1:9082 \\
        --envoy-admin http://127.0.0.1:9901
    """  # noqa: D301 (click reads \b as the mark of a verbatim paragraph)
    set_up_logging(log_format)
    settings = LocalSettings(
        file=file,
        routes_file=routes_file,
        backends=backends,
        state_file=state_file,
        host=host,
        port=port,
        record=record,
        envoy_admin=envoy_admin,
    )
    try:
        asyncio.run(run(settings))
    except OperatorError as error:
        _fail(error)


@main.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(file: Path, *, as_json: bool) -> None:
    """Decide on recorded evidence again and print the switches.

    FILE is a recording of `drift-operator local --record`. Exit code 1 when a decision differs from the recorded one.

    \b
    Example:
      drift-operator replay evidence.jsonl --json
    """  # noqa: D301 (click reads \b as the mark of a verbatim paragraph)
    try:
        report = replay_lines(read_recording(file))
    except OperatorError as error:
        _fail(error)
    click.echo(json.dumps(_as_json(report), indent=2) if as_json else _as_text(report))
    if report.differences:
        raise click.exceptions.Exit(EXIT_FAILED)


def _as_json(report: ReplayReport) -> dict[str, object]:
    return {
        "decisions": report.decisions,
        "switches": [
            {
                "time": as_text(switch.time),
                "from": switch.from_side,
                "to": switch.to_side,
                "reason": switch.reason,
                "sequence": switch.sequence,
                "enforced": switch.enforced,
            }
            for switch in report.switches
        ],
        "differences": [
            {
                "line": difference.line,
                "time": as_text(difference.time),
                "recorded": difference.recorded.model_dump(mode="json", by_alias=True),
                "replayed": difference.replayed.model_dump(mode="json", by_alias=True),
            }
            for difference in report.differences
        ],
    }


def _as_text(report: ReplayReport) -> str:
    lines = [f"{report.decisions} decisions, {len(report.switches)} switches"]
    for switch in report.switches:
        would = "" if switch.enforced else " (only observed)"
        lines.append(
            f"{as_text(switch.time)} window {switch.sequence}: {switch.from_side} -> {switch.to_side} "
            f"{switch.reason}{would}"
        )
    for difference in report.differences:
        recorded, replayed = difference.recorded, difference.replayed
        lines.append(
            f"line {difference.line}: recorded {recorded.kind} ({recorded.reason}), "
            f"replayed {replayed.kind} ({replayed.reason})"
        )
    return "\n".join(lines)
