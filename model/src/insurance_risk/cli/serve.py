"""``insurance-risk serve-model`` and ``insurance-risk serve-rules``."""

# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, not for --help

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from insurance_risk.cli.failures import BadInput, Failed
from insurance_risk.errors import InsuranceRiskError

if TYPE_CHECKING:
    from insurance_risk.serving.predictor import InsurancePredictor


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that both servers share."""
    options = (
        click.option("--model-name", default="insurance-risk", show_default=True, help="Name in the V2 paths."),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all."),
        click.option(
            "--http-port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="HTTP port; 0: any."
        ),
        click.option(
            "--grpc-port", default=8081, show_default=True, type=click.IntRange(0, 65535), help="gRPC port; 0: any."
        ),
        click.option("--docs/--no-docs", default=False, show_default=True, help="Serve the OpenAPI page at /docs."),
        click.option(
            "--grace-period",
            default=30,
            show_default=True,
            type=click.IntRange(min=0),
            help="Seconds for requests in flight after a signal to stop.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    "serve-model",
    epilog="""\b
Example:
  insurance-risk serve-model --bundle build/bundle --http-port 9081 --grpc-port 9000 --docs
""",
)
@click.option("--bundle", "bundle_directory", required=True, type=click.Path(path_type=Path), help="Bundle folder.")
@click.option("--allow-failed-gates", is_flag=True, help="Serve the bundle even if it failed a quality gate.")
@server_options
def serve_model(bundle_directory: Path, *, allow_failed_gates: bool, **server: Any) -> None:  # noqa: ANN401 - the shared options
    """Serve the model of a bundle over V2 (HTTP and gRPC); the rules answer the rows that it should not.

    SIGTERM and SIGINT stop it after the requests in flight, with exit code 0.
    """
    import sklearn

    from insurance_risk.bundle import read_bundle
    from insurance_risk.scorecard import load_scorecard
    from insurance_risk.serving.logs import configure_serving_logs

    configure_serving_logs()
    try:
        bundle = read_bundle(bundle_directory)
        if not (bundle.manifest.gates_passed or allow_failed_gates):
            raise Failed(
                f"{bundle_directory} failed the gates {', '.join(bundle.gates['failed'])}: train another one, "
                "or serve it all the same with --allow-failed-gates"
            )
        from insurance_risk.serving.model_predictor import ModelPredictor

        predictor = ModelPredictor(server["model_name"], bundle, load_scorecard())
    except InsuranceRiskError as error:
        raise BadInput(str(error)) from error
    # Features are checked when they are decoded; scikit-learn need not do it again for every request.
    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)
    _serve(predictor, server)


@click.command(
    "serve-rules",
    epilog="""\b
Example:
  insurance-risk serve-rules --profile build/bundle/profile.json --http-port 9082 --grpc-port 9001
""",
)
@click.option(
    "--profile",
    "profile_path",
    required=True,
    type=click.Path(path_type=Path),
    help="Reference profile; read again when the file, or what a link leads to, changes.",
)
@server_options
def serve_rules(profile_path: Path, **server: Any) -> None:  # noqa: ANN401 - the shared options
    """Serve the points table over V2 (HTTP and gRPC) under the model's name and signature.

    SIGTERM and SIGINT stop it after the requests in flight, with exit code 0.
    """
    from insurance_risk.answers import RulesAnswerer
    from insurance_risk.scorecard import load_scorecard
    from insurance_risk.serving.logs import configure_serving_logs

    configure_serving_logs()
    from insurance_risk.serving.profile_file import ProfileFile
    from insurance_risk.serving.rules_predictor import RulesPredictor

    try:
        scorecard = load_scorecard()
        profile_file = ProfileFile(
            profile_path,
            model_name=server["model_name"],
            check=lambda profile: RulesAnswerer(scorecard, profile),
        )
        predictor = RulesPredictor(server["model_name"], profile_file, scorecard)
    except InsuranceRiskError as error:
        raise BadInput(str(error)) from error
    _serve(predictor, server)


def _serve(predictor: "InsurancePredictor", server: dict[str, Any]) -> None:
    from insurance_risk.serving.server import PredictorServer
    from insurance_risk.serving.settings import ServerSettings
    from insurance_risk.serving.transport import BindError

    try:
        PredictorServer(ServerSettings(**server)).start([predictor])
    except BindError as error:
        raise Failed(str(error)) from error
