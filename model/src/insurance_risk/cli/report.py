"""``insurance-risk gates``."""

# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, not for --help

import json
from pathlib import Path

import click

from insurance_risk.cli.failures import EXIT_FAILED, BadInput
from insurance_risk.errors import InsuranceRiskError


@click.command(epilog="Example: insurance-risk gates build/bundle")
@click.argument("bundle_directory", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print gates.json instead of a table.")
def gates(bundle_directory: Path, *, as_json: bool) -> None:
    """Print the quality gates' report of a bundle again, after verifying the bundle; exit code 1 if a gate failed."""
    from insurance_risk.bundle import read_bundle
    from insurance_risk.gate_table import render_gates
    from insurance_risk.gates import GateReport

    try:
        bundle = read_bundle(bundle_directory)
        report = GateReport.from_content(bundle.gates)
    except InsuranceRiskError as error:
        raise BadInput(str(error)) from error
    click.echo(json.dumps(bundle.gates, indent=1) if as_json else render_gates(report))
    if not report.passed:
        raise click.exceptions.Exit(EXIT_FAILED)
