"""The detector as a program of its own, for tests that talk to it over HTTP."""

import fcntl
import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

PROGRAM = str(Path(sys.executable).parent / "drift-detectors")
SERVICE = "insurance-risk"


def v2_request(rows, start=0, stop=None):
    """A V2 body of rows ``start`` to ``stop`` of the synthetic columns, one tensor for each feature."""
    columns = {name: column[start:stop] for name, column in rows.items()}
    datatypes = {"age": "FP64", "miles": "FP64", "training": "INT64", "region": "BYTES"}
    return json.dumps(
        {
            "inputs": [
                {"name": name, "shape": [len(column)], "datatype": datatypes[name], "data": column}
                for name, column in columns.items()
            ]
        }
    ).encode()


def v2_response(count, *, served_by="model", digest=None):
    """A V2 answer to ``count`` rows."""
    parameters = {"served_by": served_by} | ({"profile_digest": digest} if digest else {})
    output = {"name": "served_by", "shape": [count], "datatype": "BYTES", "data": [served_by] * count}
    return json.dumps({"outputs": [output], "parameters": parameters}).encode()


def attributes(event_id, kind="request", *, service=SERVICE, namespace="default", **changes):
    """The context attributes of one of KServe's events."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "http://localhost:9081/",
        "type": f"org.kubeflow.serving.inference.{kind}",
        "time": "2026-11-24T10:00:00Z",
        "inferenceservicename": service,
        "namespace": namespace,
        "component": "predictor",
        "endpoint": "",
        "metadata": "{}",
        **changes,
    }


class Detector:
    """A running detector: its process and a client of its address."""

    def __init__(self, process, client):
        self.process = process
        self.client = client

    def send(self, event_id, body, kind="request", **members):
        headers = {f"ce-{name}": value for name, value in attributes(event_id, kind, **members).items()}
        return self.client.post("/", content=body, headers={"content-type": "application/json", **headers})

    def stream(self):
        return self.client.get(f"/api/v1/streams/{SERVICE}").json()

    def history(self):
        return self.client.get(f"/api/v1/streams/{SERVICE}/history").json()["windows"]

    def settled(self, events):
        """The stream once it has counted so many events of its own."""
        return self.until(lambda view: sum(map(sum, map(dict.values, view["events"].values()))) >= events)

    def until(self, holds, seconds=20):
        deadline = time.monotonic() + seconds
        while not holds(view := self.stream()):
            assert time.monotonic() < deadline, view
            time.sleep(0.02)
        return view

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds
        while self.client.get("/readyz").status_code != httpx.codes.OK:
            assert time.monotonic() < deadline, "not ready in time"
            assert self.process.poll() is None, "ended before it was ready"
            time.sleep(0.05)

    def stop(self, seconds=30):
        self.process.terminate()
        return self.process.wait(seconds)


@contextmanager
def running_detector(profile, *options, wait=True, pipe_bytes=None):
    """Starts ``drift-detectors serve`` on a free port and ends it.

    Args:
        profile: the profile file.
        options: further options of the command.
        wait: whether to wait until it is ready.
        pipe_bytes: size of the pipe that takes its log; nobody reads it. None sends the log to the test's output.
    """
    command = [PROGRAM, "serve", "--profile", profile, "--stream", SERVICE, "--inference-service", SERVICE]
    command += ["--inference-service", f"{SERVICE}-rules", "--port", "0", *options]
    log = None if pipe_bytes is None else subprocess.PIPE
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            if pipe_bytes is not None:
                fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, pipe_bytes)
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, "no address announced"
            with httpx.Client(base_url=found[0], timeout=10, trust_env=False) as client:
                detector = Detector(process, client)
                if wait:
                    detector.wait_ready()
                yield detector
        finally:
            if process.poll() is None:
                process.kill()
