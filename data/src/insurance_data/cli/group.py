"""The command group, and the one place where errors become exit codes."""

from typing import Any

import click

from insurance_data import __version__
from insurance_data.cli.curl import curl
from insurance_data.cli.generate import generate
from insurance_data.cli.replay import replay
from insurance_data.errors import InsuranceDataError

BAD_INPUT = 2


class CommandGroup(click.Group):
    """A group that prints this package's errors as one line and exits with `BAD_INPUT`."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the signature is click's
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except InsuranceDataError as error:
            click.echo(f"insurance-data: {error}", err=True)
            ctx.exit(BAD_INPUT)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="insurance-data")
def main() -> None:
    """Simulated motor-insurance data whose world drifts, and the replayer that sends it as traffic.

    Exit codes: 0 done, 1 a request failed, 2 bad usage or input, 130 interrupted.
    """


main.add_command(generate)
main.add_command(replay)
main.add_command(curl)
