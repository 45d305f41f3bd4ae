"""`local-stack`: the one-machine stack on the command line."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from local_stack.agent.dispatcher import Dispatcher
from local_stack.agent.events import AgentIdentity
from local_stack.agent.proxy import PayloadProxy, run_agent
from local_stack.errors import StackError, UsageError
from local_stack.stack.background import (
    UP_FOLDER,
    marked_running,
    start_supervisor,
    stop_supervisor,
    until_stopped,
)
from local_stack.stack.commands import RunFolder
from local_stack.stack.runner import Stack
from local_stack.stack.settings import REPOSITORY, read_settings

INTERRUPTED = 130
DEFAULT_SEED = 0
FULL_RATE = 360.0
MONTHS = 36
DEMO_FOLDER = REPOSITORY / "build" / "demo"

Result = TypeVar("Result")

port_option = click.option(
    "--port",
    "ports",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Change a port of stack.yaml, for example --port front=18080. May be repeated.",
)
folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=UP_FOLDER,
    show_default="build/up",
    help="Folder of the running stack: data, bundles, logs.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def commands() -> None:
    """The whole loop of driftbreaker on one machine.

    Exit codes: 0 all is well; 1 the run was not sound or something failed; 2 bad usage, a port in use or a missing
    tool; 3 a process of the stack died; 130 interrupted.
    """


@commands.command()
@click.option("--fast", is_flag=True, help="As fast as the answers come, in larger requests: under 90 seconds.")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Replay this data set (layout of `insurance-data generate`) instead of generating one.",
)
@click.option("--seed", type=click.IntRange(0), default=DEFAULT_SEED, help="Seed of data and training.")
@click.option("--months", type=click.IntRange(1), default=MONTHS, help="Months to generate.")
@click.option("--no-drift", is_flag=True, help="Generate a world that stays as it is.")
@click.option("--abrupt", type=click.IntRange(1), metavar="MONTH", help="Generate a world that changes in this month.")
@click.option("--retrain/--no-retrain", default=True, help="Retrain after a trip, or keep the first model for ever.")
@click.option("--label-delay", type=click.IntRange(0), default=1, help="Months until a month's labels are known.")
@click.option("--retrain-months", type=click.IntRange(1), default=3, help="Newest labelled months to retrain on.")
@click.option("--rows-per-request", type=click.IntRange(1), help="Rows in a request. [default: 10; 50 with --fast]")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Rows per second. [default: 360; none with --fast]",
)
@click.option("--concurrency", type=click.IntRange(1), default=4, help="Requests under way at the same time.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the summary here.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the HTML report here.  [default: report.html in the run's folder]",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEMO_FOLDER,
    show_default="build/demo",
    help="Folder of the run: data, bundles, recordings, logs. An earlier run's are removed.",
)
@port_option
def demo(
    *,
    fast: bool,
    data: Path | None,
    seed: int,
    months: int,
    no_drift: bool,
    abrupt: int | None,
    retrain: bool,
    label_delay: int,
    retrain_months: int,
    rows_per_request: int | None,
    rate: float | None,
    concurrency: int,
    json_file: Path | None,
    report_file: Path | None,
    folder: Path,
    ports: tuple[str, ...],
) -> None:
    """Replay months of traffic through the whole loop, live, with a summary and an HTML report.

    Example: make demo ARGS="--fast --no-retrain"
    """
    # The demo's own imports (pandas, the replayer) are not needed by the agents, which start from this module too.
    from insurance_data.errors import InsuranceDataError  # noqa: PLC0415
    from insurance_data.replay import ReplayStoppedError  # noqa: PLC0415
    from local_stack.demo.options import DemoOptions  # noqa: PLC0415
    from local_stack.demo.run import Demo  # noqa: PLC0415

    if sum((no_drift, abrupt is not None, data is not None)) > 1:
        raise click.UsageError("--no-drift, --abrupt and --data exclude each other: name one world")
    options = DemoOptions(
        data=data.resolve() if data else None,
        seed=seed,
        months=months,
        variant="none" if no_drift else "abrupt" if abrupt is not None else "both",
        abrupt_month=abrupt,
        retrain=retrain,
        label_delay=label_delay,
        retrain_months=retrain_months,
        fast=fast,
        rows_per_request=rows_per_request or (50 if fast else 10),
        rate=rate or (None if fast else FULL_RATE),
        concurrency=concurrency,
        json_file=json_file,
        report_file=report_file or folder / "report.html",
    )
    run = RunFolder(folder.resolve() / "run")
    play = Demo(read_settings(ports), run, options, Console()).play()
    try:
        summary = _run(play)
    except ReplayStoppedError as error:
        raise StackError(str(error)) from error
    except InsuranceDataError as error:
        raise UsageError(str(error)) from error
    sys.exit(1 if summary.problems else 0)


@commands.command()
@click.option("--seed", type=click.IntRange(0), default=DEFAULT_SEED, help="Seed of data and training.")
@folder_option
@port_option
def up(seed: int, folder: Path, ports: tuple[str, ...]) -> None:
    """Start the stack and leave it running; `local-stack down` stops it.

    Example: make up ARGS="--port front=18080"
    """
    settings = read_settings(ports)
    arguments = ("--seed", str(seed), *(word for port in ports for word in ("--port", port)))
    click.echo("preparing the model and starting the stack ...")
    start_supervisor(folder.resolve(), arguments)
    host = settings.host
    click.echo(
        f"up.\n"
        f"  front door (V2 REST)   {settings.url('front')}/v2/models/{settings.model}\n"
        f"  detector               {settings.url('detector')}/\n"
        f"  breaker                {settings.url('operator')}/status\n"
        f"  gRPC, model and rules  {host}:{settings.ports.model_grpc} {host}:{settings.ports.rules_grpc}\n"
        f"  OpenAPI page, model    {settings.url('model_http')}/docs\n"
        f"  logs                   {folder / 'logs'}\n"
        f"requests to try: uv run --project data insurance-data curl --url {settings.url('front')}\n"
        f"stop it with: make down"
    )


@commands.command()
@folder_option
def down(folder: Path) -> None:
    """Stop the stack that `local-stack up` started.

    Example: make down
    """
    click.echo("stopped" if stop_supervisor(folder.resolve()) else "nothing is running")


@commands.command(hidden=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--seed", type=int, required=True)
@port_option
def supervise(folder: Path, seed: int, ports: tuple[str, ...]) -> None:
    """Hold the stack up until SIGTERM: what `up` runs in the background."""
    from local_stack.demo.workshop import Workshop  # noqa: PLC0415 - as above

    settings = read_settings(ports)

    async def hold() -> None:
        run = RunFolder(folder)
        workshop = Workshop(run, seed)
        await workshop.train_first(await workshop.generate(MONTHS))
        async with Stack(settings, run) as stack:
            with marked_running(folder):
                await stack.guard(until_stopped())

    _run(hold())


@commands.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Port to listen on.")
@click.option("--upstream", required=True, help="Base URL of the predictor.")
@click.option("--sink", required=True, help="URL that the payload events are sent to.")
@click.option("--inference-service", required=True, help="Name of the InferenceService.")
@click.option("--namespace", default="default", help="Its namespace.")
@click.option("--metadata-header", multiple=True, default=("X-Request-Id",), help="Request header for Ce-Metadata.")
def agent(
    *,
    host: str,
    port: int,
    upstream: str,
    sink: str,
    inference_service: str,
    namespace: str,
    metadata_header: tuple[str, ...],
) -> None:
    """A stand-in for KServe's agent: proxy to a predictor, copies of the payloads to a sink.

    Example: local-stack agent --port 9081 --upstream http://127.0.0.1:8081 --sink http://127.0.0.1:8085/ \
--inference-service insurance-risk
    """
    identity = AgentIdentity(inference_service, namespace, f"http://localhost:{port}/", metadata_header)
    run_agent(host, port, PayloadProxy(upstream, identity, Dispatcher(sink)))


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work`; SIGTERM ends it as Ctrl-C does, so that everything is stopped either way."""

    async def with_sigterm() -> Result:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a task
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(with_sigterm())
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


def main() -> None:
    """Entry point: errors become one line and an exit code."""
    try:
        commands(standalone_mode=False)
    except StackError as error:
        click.echo(f"driftbreaker: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("driftbreaker: interrupted; everything that was started has been stopped", err=True)
        sys.exit(INTERRUPTED)
