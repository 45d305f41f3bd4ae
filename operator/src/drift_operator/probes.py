"""Probes: real inference requests that show whether a backend answers.

A probe goes the way of every request, through KServe's agent too, so it carries a `Ce-Id` by which the detector knows
and ignores it.
"""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from drift_operator.breaker.evidence import ProbeResult
from drift_operator.resource.spec import Probe

PROBE_ID_PREFIX = "driftbreaker-probe-"
_LONGEST_EXCERPT = 200


def complaint(status: int, body: bytes, outputs: tuple[str, ...]) -> str | None:
    """Why an answer is no whole V2 inference answer, or None when it is one.

    Args:
        status: HTTP status of the answer.
        body: Its body.
        outputs: Names of outputs that it must contain.
    """
    if status != httpx.codes.OK:
        said = " ".join(body[:_LONGEST_EXCERPT].decode("utf-8", errors="replace").split())
        return f"HTTP status {status}: {said}"
    try:
        answer = json.loads(body)
    except ValueError:
        return "the answer is not JSON"
    tensors = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(tensors, list) or not tensors:
        return "the answer has no outputs"
    filled = {tensor["name"] for tensor in tensors if _is_filled(tensor)}
    if len(filled) < len(tensors):
        return "an output of the answer has no name or no data"
    missing = [name for name in outputs if name not in filled]
    return f"the answer lacks the output {', '.join(missing)}; it has {', '.join(sorted(filled))}" if missing else None


def _is_filled(tensor: Any) -> bool:  # noqa: ANN401 (a part of a stranger's JSON)
    return isinstance(tensor, dict) and isinstance(tensor.get("name"), str) and bool(tensor.get("data"))


async def send_probe(
    client: httpx.AsyncClient, base_url: str, probe: Probe, *, clock: Callable[[], float] = time.time
) -> ProbeResult:
    """Send one probe; every failure is a result.

    Args:
        client: Used for the request.
        base_url: Address of the backend, `http://host:port`.
        probe: What to ask and what must be answered.
        clock: Tells the time in Unix seconds.
    """
    url = f"{base_url.rstrip('/')}/v2/models/{quote(probe.model, safe='')}/infer"
    try:
        response = await client.post(
            url,
            json=probe.request.model_dump(mode="json", by_alias=True, exclude_none=True),
            headers={"Ce-Id": f"{PROBE_ID_PREFIX}{uuid.uuid4()}"},
            timeout=probe.timeout,
        )
    except httpx.TimeoutException:
        return ProbeResult(time=clock(), answered=False, message=f"{url}: no answer within {probe.timeout:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        return ProbeResult(time=clock(), answered=False, message=f"{url}: {reason}")
    wrong = complaint(response.status_code, response.content, probe.outputs)
    if wrong is not None:
        return ProbeResult(time=clock(), answered=False, message=f"{url}: {wrong}")
    return ProbeResult(time=clock(), answered=True, message=f"{url}: answered")
