"""A small data set, and an HTTP server that records what it gets and answers like a V2 server and a detector."""

import asyncio
import json
import socket
import threading
import time
from dataclasses import dataclass, field

import pytest
import uvicorn

from insurance_data.writing import GeneratorSettings, write_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Two months of 40 rows; tests that change files make a copy."""
    settings = GeneratorSettings(seed=3, months=2, rows=40, reference_rows=100)
    return write_dataset(tmp_path_factory.mktemp("data") / "set", settings)


@dataclass
class Recorded:
    """One request as it arrived."""

    path: str
    headers: list[tuple[str, str]]
    body: bytes
    arrived: float
    under_way: int

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Answer:
    status: int
    body: object = b""
    delay: float = 0.0


@dataclass
class RecordingServer:
    """An ASGI application behind a real socket on a free port of 127.0.0.1."""

    requests: list[Recorded] = field(default_factory=list)
    script: list[Answer | None] = field(default_factory=list)
    """Answers for the first requests; None stands for the usual answer, which also follows at the end."""
    delay: float = 0.0
    url: str = ""
    under_way: int = 0

    async def __call__(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.under_way += 1
        headers = [(name.decode().lower(), value.decode()) for name, value in scope["headers"]]
        raw_path = scope["raw_path"].decode()
        request = Recorded(raw_path, headers, body, time.monotonic(), self.under_way)
        self.requests.append(request)
        number = len(self.requests) - 1
        answer = (self.script[number] if number < len(self.script) else None) or usual_answer(request)
        await asyncio.sleep(answer.delay or self.delay)
        self.under_way -= 1
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        await send({"type": "http.response.body", "body": content})


def usual_answer(request):
    """The answer of a V2 server of the example's signature, or a detector's acknowledgement."""
    if not request.path.startswith("/v2/"):
        return Answer(202)
    inputs = {tensor["name"]: tensor for tensor in request.json["inputs"]}
    ages = [row[1] for row in inputs["input-0"]["data"]] if "input-0" in inputs else inputs["age"]["data"]
    if not all(isinstance(age, int | float) for age in ages):
        return Answer(400, {"error": "age: 'forty' is not a number"})
    served_by = ["model" if 10 <= age <= 149 else "rules" for age in ages]
    outputs = [
        {
            "name": "class",
            "datatype": "BYTES",
            "shape": [len(ages)],
            "data": ["low" if a < 40 else "high" for a in ages],
        },
        {"name": "served_by", "datatype": "BYTES", "shape": [len(ages)], "data": served_by},
    ]
    parameters = {"served_by": "model", "profile_digest": "sha256:1234"}
    return Answer(200, {"model_name": "m", "id": request.json["id"], "parameters": parameters, "outputs": outputs})


@pytest.fixture
def server():
    recorder = RecordingServer()
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    recorder.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    process = uvicorn.Server(uvicorn.Config(recorder, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=process.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not process.started:
            assert time.monotonic() < deadline, "the recording server did not start"
            time.sleep(0.01)
        yield recorder
    finally:
        process.should_exit = True
        thread.join(20)
        listener.close()
    assert not thread.is_alive()


@pytest.fixture
def free_port():
    """A port of 127.0.0.1 where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def make_answer():
    """Make an answer for the server's script: status, body (bytes or what becomes JSON), delay in seconds."""
    return Answer
