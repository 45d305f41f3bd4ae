"""``insurance-risk score``."""

# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, not for --help

from pathlib import Path

import click

from insurance_risk.cli.failures import BadInput
from insurance_risk.errors import InsuranceRiskError

RULES_COLUMN = "rules"
TAKEN_NAMES = frozenset({"month", "row", RULES_COLUMN})


class NamedBundle(click.ParamType[tuple[str, Path]]):
    """A bundle with the name of its column, as NAME=DIR."""

    name = "name=dir"

    def convert(
        self, value: str | tuple[str, Path], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        """Parse the option's text."""
        if isinstance(value, tuple):
            return value
        name, separator, directory = value.partition("=")
        if not (separator and name and directory):
            self.fail(f"'{value}' is not NAME=DIR, such as stale=build/bundle", param, ctx)
        if name in TAKEN_NAMES:
            self.fail(f"the name '{name}' is taken by a column of its own", param, ctx)
        return name, Path(directory)


@click.command(
    epilog="""\b
Example:
  insurance-risk score --data build/data --bundle stale=build/bundle --bundle retrained=build/bundle-8
      --rules build/bundle/profile.json --out build/answers.csv
"""
)
@click.option(
    "--data", "data_directory", required=True, type=click.Path(path_type=Path), help="Directory of a data set."
)
@click.option(
    "--bundle", "bundles", multiple=True, type=NamedBundle(), help="A bundle and the name of its column; repeatable."
)
@click.option(
    "--rules",
    "profile_path",
    type=click.Path(path_type=Path),
    help="Reference profile for the rules' column, which is left out without it.",
)
@click.option("--out", "output", required=True, type=click.Path(path_type=Path), help="CSV file to write.")
def score(data_directory: Path, bundles: tuple[tuple[str, Path], ...], profile_path: Path | None, output: Path) -> None:
    """Write what each bundle's model (with its own row-by-row fallback) and the rules answer to every monthly row.

    The CSV has the columns month, row (from 0 within the month), one for each bundle, and rules; values are class
    names.
    """
    from insurance_risk.answers import Answerer, ModelAnswerer, RulesAnswerer
    from insurance_risk.bundle import read_bundle
    from insurance_risk.profile import load_profile
    from insurance_risk.scorecard import load_scorecard
    from insurance_risk.scoring import score_months
    from insurance_risk.training_data import open_dataset

    if not bundles and profile_path is None:
        raise click.UsageError("nobody to answer: name a --bundle or --rules")
    if len({name for name, _ in bundles}) != len(bundles):
        raise click.UsageError("two bundles have the same name")
    try:
        scorecard = load_scorecard()
        answerers: dict[str, Answerer] = {}
        for name, directory in bundles:
            bundle = read_bundle(directory)
            rules = RulesAnswerer(scorecard, bundle.profile)
            answerers[name] = ModelAnswerer(bundle.pipeline, bundle.profile, rules)
        if profile_path is not None:
            answerers[RULES_COLUMN] = RulesAnswerer(scorecard, load_profile(profile_path))
        table = score_months(open_dataset(data_directory), answerers)
    except InsuranceRiskError as error:
        raise BadInput(str(error)) from error
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(output, index=False)
    except OSError as error:
        raise BadInput(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"{output}: {len(table)} rows, answered by {', '.join(answerers)}")
