"""``insurance-risk train``."""

# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, not for --help

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from insurance_risk.cli.failures import EXIT_FAILED, BadInput
from insurance_risk.errors import InsuranceRiskError

if TYPE_CHECKING:
    from insurance_risk.training import TrainedModel


class MonthList(click.ParamType[tuple[int, ...]]):
    """Numbers of months, separated by commas, each once."""

    name = "months"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Parse the option's text."""
        if isinstance(value, tuple):
            return value
        try:
            months = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of months such as 5,6,7", param, ctx)
        if len(set(months)) != len(months):
            self.fail(f"'{value}' repeats a month", param, ctx)
        return months


@click.command(
    epilog="""\b
Examples:
  insurance-risk train --data build/data --out build/bundle
  insurance-risk train --data build/data --out build/bundle-8 --months 5,6,7 --json
"""
)
@click.option(
    "--data",
    "data_directory",
    required=True,
    type=click.Path(path_type=Path),
    help="Directory of a data set (made by `insurance-data generate`).",
)
@click.option(
    "--out", "bundle_directory", required=True, type=click.Path(path_type=Path), help="Bundle folder to write."
)
@click.option(
    "--months",
    type=MonthList(),
    help="Train on these months, e.g. 5,6,7: split 80/20 by class, all their rows in the profile. "
    "Without it: on train.csv.gz, with reference.csv.gz in the profile.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of split and training.")
@click.option("--json", "as_json", is_flag=True, help="Print the gates' report as JSON instead of a table.")
def train(
    data_directory: Path, bundle_directory: Path, months: tuple[int, ...] | None, seed: int, *, as_json: bool
) -> None:
    """Train a model, judge it by the quality gates and write a bundle.

    A fixed list of candidates is tried in order until one passes. When none does, the first one is written with
    gates.json saying so, and the exit code is 1; `serve-model` refuses such a bundle.
    """
    from insurance_risk.bundle import check_place, write_bundle
    from insurance_risk.training import train as train_candidates
    from insurance_risk.training_data import historic_rows, monthly_rows, open_dataset

    try:
        check_place(bundle_directory)
        dataset = open_dataset(data_directory)
        data = historic_rows(dataset) if months is None else monthly_rows(dataset, months, seed)
        trained = train_candidates(train_rows=data.train, test_rows=data.test, reference_rows=data.reference, seed=seed)
        write_bundle(trained, bundle_directory, source=data.source, seed=seed)
    except InsuranceRiskError as error:
        raise BadInput(str(error)) from error
    _report(trained, bundle_directory, source=data.source, as_json=as_json)
    report = trained.chosen.report
    if not report.passed:
        click.echo(f"Error: the model failed the gates {', '.join(report.failed_names)}", err=True)
        raise click.exceptions.Exit(EXIT_FAILED)


def _report(trained: "TrainedModel", bundle_directory: Path, *, source: str, as_json: bool) -> None:
    from insurance_risk.gate_table import render_gates

    if as_json:
        content = trained.chosen.report.to_content() | {
            "bundle": str(bundle_directory),
            "candidate": trained.chosen.candidate.name,
            "profile_digest": trained.profile["digest"],
            "source": source,
        }
        click.echo(json.dumps(content, indent=1))
        return
    click.echo(f"{trained.chosen.candidate.name}, trained on {source} ({trained.train_rows} rows)")
    for attempt in trained.attempts:
        if attempt is not trained.chosen:
            click.echo(f"also tried: {attempt.candidate.name}, failed {', '.join(attempt.report.failed_names)}")
    click.echo(render_gates(trained.chosen.report))
    click.echo(f"bundle {bundle_directory}, profile {trained.profile['digest']}")
