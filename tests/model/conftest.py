"""A generated data set, a bundle trained on it, and both predictors as real processes on free ports."""

import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from insurance_data.writing import GeneratorSettings, write_dataset
from insurance_risk.bundle import read_bundle, write_bundle
from insurance_risk.scorecard import load_scorecard
from insurance_risk.training import train
from insurance_risk.training_data import historic_rows, open_dataset

MODEL_NAME = "insurance-risk"
START_TIMEOUT = 60
COMMAND = Path(sys.executable).with_name("insurance-risk")

ROWS = {
    "training": [0, 1, 0],
    "age": [30.0, 45.5, 61.0],
    "emergency_braking": [1, 0, 0],
    "braking_distance": [38.5, 40.0, 47.0],
    "power": [90.0, 120.0, 180.0],
    "miles": [50.0, 60.0, 120.0],
}
"""Three rows within every range."""


def pytest_configure(config):
    # KServe gives FastAPI a class that FastAPI has deprecated; it happens when KServe is imported.
    config.addinivalue_line("filterwarnings", "ignore:ORJSONResponse is deprecated")


@dataclass
class Server:
    """A predictor's process."""

    process: subprocess.Popen
    log: Path
    http_port: int
    grpc_port: int

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def infer_url(self):
        return f"{self.url}/v2/models/{MODEL_NAME}/infer"

    def infer(self, body, **options):
        return httpx.post(self.infer_url, json=body, timeout=30, **options)

    def counter(self, name, **labels):
        """The value of a counter; 0 where it has not been touched."""
        for line in httpx.get(f"{self.url}/metrics").text.splitlines():
            match = re.fullmatch(rf"{name}\{{(.*)\}} (\S+)", line)
            if match and all(f'{key}="{value}"' in match[1] for key, value in labels.items()):
                return float(match[2])
        return 0.0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def start_server(folder, *arguments):
    """Start `insurance-risk` with a server command on free ports and wait until its model is ready."""
    log = Path(folder) / f"server-{time.monotonic_ns()}.log"
    command = [COMMAND, *map(str, arguments), "--http-port", "0", "--grpc-port", "0", "--model-name", MODEL_NAME]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        match = re.search(r"HTTP port (\d+), gRPC port (\d+)", log.read_text())
        if match:
            server = Server(process, log, int(match[1]), int(match[2]))
            try:
                if httpx.get(f"{server.url}/v2/models/{MODEL_NAME}/ready").status_code == 200:
                    return server
            except httpx.TransportError:
                pass
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(f"the server did not start: {log.read_text()}")


@pytest.fixture
def start(tmp_path):
    """Start a server that is gone when the test ends, however it ends."""
    started = []

    def start_one(*arguments):
        started.append(start_server(tmp_path, *arguments))
        return started[-1]

    yield start_one
    for server in started:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def data_directory(tmp_path_factory):
    """Month 0 and four months of the default seed."""
    directory = tmp_path_factory.mktemp("data") / "set"
    write_dataset(directory, GeneratorSettings(months=4))
    return directory


@pytest.fixture(scope="session")
def dataset(data_directory):
    return open_dataset(data_directory)


@pytest.fixture(scope="session")
def historic(dataset):
    return historic_rows(dataset)


@pytest.fixture(scope="session")
def trained(historic):
    return train(train_rows=historic.train, test_rows=historic.test, reference_rows=historic.reference, seed=0)


@pytest.fixture(scope="session")
def bundle_directory(trained, historic, tmp_path_factory):
    directory = tmp_path_factory.mktemp("bundle") / "first"
    write_bundle(trained, directory, source=historic.source, seed=0)
    return directory


@pytest.fixture(scope="session")
def bundle(bundle_directory):
    return read_bundle(bundle_directory)


@pytest.fixture(scope="session")
def profile(bundle):
    return bundle.profile


@pytest.fixture(scope="session")
def scorecard():
    return load_scorecard()


@pytest.fixture(scope="session")
def model_server(bundle_directory, tmp_path_factory):
    server = start_server(tmp_path_factory.mktemp("log"), "serve-model", "--bundle", bundle_directory, "--docs")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rules_server(bundle_directory, tmp_path_factory):
    profile = bundle_directory / "profile.json"
    server = start_server(tmp_path_factory.mktemp("log"), "serve-rules", "--profile", profile)
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["model_server", "rules_server"])
def server(request):
    """Each of the two predictors: they keep one contract."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def body():
    """A valid V2 request of three rows, one tensor per feature, free to be spoilt."""
    return {
        "id": "request-1",
        "inputs": [
            {"name": name, "shape": [3], "datatype": "FP64", "data": list(values)} for name, values in ROWS.items()
        ],
    }


@pytest.fixture(scope="session")
def matrix():
    return np.column_stack([np.array(values, dtype=np.float64) for values in ROWS.values()])
