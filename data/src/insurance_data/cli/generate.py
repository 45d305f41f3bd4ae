"""`insurance-data generate`."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from insurance_data.variants import Variant
from insurance_data.writing import GeneratorSettings, write_dataset

FILES_OF_MONTH_ZERO = 3


@click.command(epilog="Example: insurance-data generate --out build/data --seed 7 --variant abrupt --month 6")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory of the data set. Must be new, empty, or hold nothing but a data set generated earlier.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same bytes.")
@click.option("--months", type=click.IntRange(min=1), default=36, show_default=True, help="Months after the reference.")
@click.option("--rows", type=click.IntRange(min=1), default=1500, show_default=True, help="Rows of each month.")
@click.option(
    "--reference-rows",
    type=click.IntRange(min=10),
    default=1500,
    show_default=True,
    help="Rows of month 0, of which a fifth, stratified by class, is the test set.",
)
@click.option(
    "--variant",
    type=click.Choice([variant.value for variant in Variant]),
    default=Variant.BOTH.value,
    show_default=True,
    help="What drifts: both inputs and concept, none, inputs only, concept only; abrupt: both jump to where month 24"
    " of the gradual drift is; shift: the inputs of month 1 held from then on, which is harmless.",
)
@click.option(
    "--month",
    "change_month",
    type=click.IntRange(min=1),
    help="First changed month of --variant abrupt; not allowed for other variants.",
)
def generate(
    *,
    directory: Path,
    seed: int,
    months: int,
    rows: int,
    reference_rows: int,
    variant: str,
    change_month: int | None,
) -> None:
    """Generate a data set: reference, train, test, the months, and a manifest with the digest of every file.

    Variants of one seed hold the same applicants in different worlds. An interrupted run leaves what was there before.

    Exit codes: 0 done, 2 bad usage or a directory that cannot be written.
    """
    settings = GeneratorSettings(
        seed=seed,
        months=months,
        rows=rows,
        reference_rows=reference_rows,
        variant=Variant(variant),
        change_month=change_month,
    )
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("generating", total=months + FILES_OF_MONTH_ZERO)
        dataset = write_dataset(directory, settings, on_file=lambda _: progress.advance(task))
    click.echo(
        f"{dataset.directory}: {reference_rows} reference rows and {months} months of {rows} rows"
        f" (variant {variant}, seed {seed})"
    )
