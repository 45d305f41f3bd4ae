"""The command line: ``drift-detectors serve`` and ``drift-detectors replay``."""

import logging
import os
import sys
from pathlib import Path

import click
import msgspec

from drift_detectors.policy import Policy, PolicyError, load_policy
from drift_detectors.profiles import ProfileError, load_profile
from drift_detectors.service.settings import MEBIBYTE, Settings
from drift_detectors.stream import StreamName

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2

_FILE = click.Path(dir_okay=False, path_type=Path)


class _BadInputError(click.ClickException):
    """Input that cannot be used: one clear line on standard error."""

    exit_code = EXIT_BAD_INPUT


class _RunFailedError(click.ClickException):
    """The service could not run, or could not go on."""

    exit_code = EXIT_FAILED


@click.group(context_settings={"auto_envvar_prefix": "DRIFT_DETECTORS", "show_default": True})
@click.version_option(package_name="drift-detectors")
def main() -> None:
    r"""Drift detector for the payload events of KServe.

    \b
    Exit codes: 0 done, 1 failed while running, 2 bad usage or input.
    Every option can be set by a variable: DRIFT_DETECTORS_SERVE_PORT=8085 is serve --port 8085.
    """
    # alibi-detect imports transformers, which would advise on frameworks that are not needed here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")


@main.command()
@click.option("--profile", required=True, type=_FILE, help="Reference profile; read again when it changes.")
@click.option("--stream", required=True, help="Name of the stream.")
@click.option(
    "--inference-service",
    required=True,
    multiple=True,
    help="InferenceService whose events belong to the stream; may be repeated.",
)
@click.option("--namespace", default="default", help="Kubernetes namespace of the InferenceServices.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8085, type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--policy", type=_FILE, help="Policy in YAML; keys left out keep their defaults.")
@click.option("--record", type=_FILE, help="Append accepted events to this file, for replay.")
@click.option("--queue-events", default=10_000, type=click.IntRange(1), help="Events that may wait.")
@click.option("--queue-mebibytes", default=64, type=click.IntRange(1), help="Payload that may wait.")
@click.option("--body-mebibytes", default=4, type=click.IntRange(1), help="Largest payload of one event.")
@click.option("--history-windows", default=1000, type=click.IntRange(1), help="Closed windows that are kept.")
@click.option("--shutdown-seconds", default=10.0, type=click.FloatRange(0), help="Time to finish what is queued.")
@click.option(
    "--log-level", default="warning", type=click.Choice(["debug", "info", "warning", "error"]), help="Log level."
)
def serve(  # noqa: PLR0917 (click passes them by name)
    profile: Path,
    stream: str,
    inference_service: tuple[str, ...],
    namespace: str,
    host: str,
    port: int,
    policy: Path | None,
    record: Path | None,
    queue_events: int,
    queue_mebibytes: int,
    body_mebibytes: int,
    history_windows: int,
    shutdown_seconds: float,
    log_level: str,
) -> None:
    r"""Take events of one stream, give verdicts, metrics, an API and a report page.

    POST / takes CloudEvents. GET / is the report page; /metrics, /healthz, /readyz and /api/v1/streams are for
    machines. SIGTERM finishes what is queued and exits 0.

    \b
    Example:
      drift-detectors serve --profile profile.json --stream insurance-risk \
        --inference-service insurance-risk --inference-service insurance-risk-rules --port 8085
    """
    from drift_detectors.service import server  # noqa: PLC0415 (the command's own cost)

    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings(
            stream=StreamName(stream, namespace, inference_service),
            profile=profile,
            policy=_policy(policy),
            host=host,
            port=port,
            record=record,
            queue_events=queue_events,
            queue_bytes=queue_mebibytes * MEBIBYTE,
            body_bytes=body_mebibytes * MEBIBYTE,
            history_windows=history_windows,
            shutdown_seconds=shutdown_seconds,
        )
        server.serve(settings, _announce)
    except (ProfileError, PolicyError) as error:
        raise _BadInputError(str(error)) from error
    except server.ServiceError as error:
        raise _RunFailedError(str(error)) from error


@main.command()
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option("--profile", type=_FILE, help="Reference profile; needed for CSV.")
@click.option("--policy", type=_FILE, help="Policy in YAML; default: the recorded or built-in one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def replay(files: tuple[Path, ...], profile: Path | None, policy: Path | None, *, as_json: bool) -> None:
    r"""Print the verdict of every window of recorded data.

    FILE is either a recording of `serve --record` (.jsonl) or a CSV (.csv, .csv.gz; separator ; or ,) with a column for
    each feature of the profile. Several files are taken as one stream, in the order given. With --profile, a recording
    is compared with that profile instead of the recorded ones, and the recorded answers are left out.

    \b
    Exit codes: 0 replayed (whatever the verdicts), 2 bad usage or input.

    Example:
      drift-detectors replay --profile profile.json month-1.csv.gz month-2.csv.gz
      drift-detectors replay recording.jsonl --json
    """
    from drift_detectors.replay import ReplayError, replay_recordings, replay_tables  # noqa: PLC0415 (imports scipy)
    from drift_detectors.report.table import format_windows  # noqa: PLC0415
    from drift_detectors.tables import TableError, read_table  # noqa: PLC0415 (imports pandas)
    from drift_detectors.views import view_window  # noqa: PLC0415

    recordings = [path for path in files if path.suffix == ".jsonl"]
    if recordings and len(recordings) != len(files):
        raise click.UsageError("recordings (.jsonl) and tables cannot be replayed together")
    if not recordings and profile is None:
        raise click.UsageError("tables need the reference: give --profile FILE")
    try:
        reference = load_profile(profile) if profile else None
        if reference is not None and not recordings:
            tables = (read_table(path, reference) for path in files)
            replayed = replay_tables(tables, reference, _policy(policy))
        else:
            given = load_policy(policy) if policy else None
            replayed = replay_recordings(recordings, profile=reference, policy=given)
    except (ProfileError, PolicyError, TableError, ReplayError) as error:
        raise _BadInputError(str(error)) from error
    except OSError as error:
        raise _BadInputError(f"{error.filename}: cannot be read: {error.strerror}") from error
    if replayed.torn_lines:
        click.echo(f"{replayed.torn_lines} half-written lines were passed over", err=True)
    if as_json:
        views = [view_window(window, replayed.policy) for window in replayed.windows]
        document = {
            "windows": views,
            "unfinished_rows": replayed.unfinished_rows,
            "rejected_rows": replayed.rejected_rows,
        }
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    else:
        click.echo(format_windows(replayed))


def _policy(path: Path | None) -> Policy:
    return load_policy(path) if path else Policy()


def _announce(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
