"""The group of commands and its exit codes."""

import click

from insurance_risk.cli.report import gates
from insurance_risk.cli.score import score
from insurance_risk.cli.serve import serve_model, serve_rules
from insurance_risk.cli.train import train


@click.group()
def main() -> None:
    r"""Train, check, serve and score the insurance-risk example.

    \b
    Exit codes: 0 done; 1 a quality gate failed, or a server could not start;
    2 bad usage or input.
    """


for _command in (train, gates, serve_model, serve_rules, score):
    main.add_command(_command)
