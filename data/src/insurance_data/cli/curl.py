"""`insurance-data curl`."""

import click

from insurance_data.curl import curl_examples


@click.command(epilog="Example: insurance-data curl --example healthy-tensors | sh")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the V2 server.")
@click.option("--model", default="insurance-risk", show_default=True, help="Name of the model.")
@click.option(
    "--example",
    type=click.Choice([example.name for example in curl_examples("http://localhost", "model")]),
    help="Print only this one; all otherwise.",
)
def curl(url: str, model: str, example: str | None) -> None:
    """Print ready curl commands for single requests.

    There are three rows (healthy, out of range, bad), each as one tensor per feature and as one matrix.
    """
    chosen = [item for item in curl_examples(url, model) if example in {None, item.name}]
    click.echo("\n\n".join(f"# {item.name}: {item.description}\n{item.command}" for item in chosen))
