"""CloudEvents envelopes: what is read, what is refused, and that writing one back loses nothing."""

import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_detectors.events.envelope import (
    Envelope,
    format_time,
    from_headers,
    from_structured,
    parse_time,
    to_structured,
)
from drift_detectors.events.outcomes import EventType, Reason, RejectedEventError

KSERVE_HEADERS = [
    (b"host", b"detector"),
    (b"content-type", b"application/json"),
    (b"ce-specversion", b"1.0"),
    (b"ce-id", b"4e0b9c5a"),
    (b"ce-source", b"http://localhost:9081/"),
    (b"ce-type", b"org.kubeflow.serving.inference.request"),
    (b"ce-time", b"2026-11-24T10:00:00Z"),
    (b"ce-inferenceservicename", b"insurance-risk"),
    (b"ce-namespace", b"default"),
    (b"ce-component", b"predictor"),
    (b"ce-endpoint", b""),
    (b"ce-metadata", b"{}"),
]
REQUIRED = {
    "specversion": "1.0",
    "id": "4e0b9c5a",
    "source": "http://localhost:9081/",
    "type": "org.kubeflow.serving.inference.response",
}

attribute_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20).filter(
    lambda name: name not in {*REQUIRED, "data", "data_base64"}
)
envelopes = st.builds(
    lambda extensions, event_id: Envelope({**extensions, **REQUIRED, "id": event_id}),
    st.dictionaries(attribute_names, st.text(), max_size=5),
    st.text(min_size=1),
)


def test_the_headers_of_kserves_agent_are_read():
    envelope = from_headers(KSERVE_HEADERS)
    assert envelope.event_type is EventType.REQUEST
    assert (envelope.id, envelope.namespace, envelope.inference_service) == ("4e0b9c5a", "default", "insurance-risk")
    assert envelope.attributes["datacontenttype"] == "application/json"
    assert envelope.attributes["metadata"] == "{}"
    assert "host" not in envelope.attributes


def test_percent_encoded_header_values_are_decoded():
    headers = [(name, b"caf%C3%A9%20%25" if name == b"ce-id" else value) for name, value in KSERVE_HEADERS]
    assert from_headers(headers).id == "café %"


@pytest.mark.parametrize("name", [b"ce-specversion", b"ce-id", b"ce-source", b"ce-type"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_required_header_that_is_missing_or_empty_is_named(name, how):
    headers = [pair for pair in KSERVE_HEADERS if pair[0] != name]
    if how == "empty":
        headers.append((name, b""))
    with pytest.raises(RejectedEventError, match=name[3:].decode()) as caught:
        from_headers(headers)
    assert caught.value.reason is Reason.MALFORMED_ENVELOPE


def test_another_version_of_cloudevents_is_refused_by_its_number():
    headers = [(name, b"0.3" if name == b"ce-specversion" else value) for name, value in KSERVE_HEADERS]
    with pytest.raises(RejectedEventError, match=r"0\.3.*send 1\.0"):
        from_headers(headers)


def test_a_type_that_is_not_kserves_is_unknown():
    assert Envelope({**REQUIRED, "type": "com.example.other"}).event_type is EventType.UNKNOWN


def test_structured_data_keeps_its_bytes():
    document = json.dumps({**REQUIRED, "Namespace": "default"})[:-1] + ', "data": {"b": 1.10, "a": [1e3]}}'
    envelope, body = from_structured(document.encode())
    assert body == b'{"b": 1.10, "a": [1e3]}'
    assert envelope.namespace == "default"


def test_structured_binary_data_is_decoded():
    document = {**REQUIRED, "data_base64": base64.b64encode(b"\x00\xff").decode()}
    assert from_structured(json.dumps(document).encode())[1] == b"\x00\xff"


def test_whole_numbers_and_booleans_are_attributes_too():
    envelope, body = from_structured(json.dumps({**REQUIRED, "partition": 7, "sampled": True}).encode())
    assert (envelope.attributes["partition"], envelope.attributes["sampled"], body) == ("7", "true", b"")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'"text"',
        json.dumps({**REQUIRED, "partition": 1.5}).encode(),
        json.dumps({**REQUIRED, "partition": {}}).encode(),
        json.dumps({**REQUIRED, "partition": None}).encode(),
        json.dumps({**REQUIRED, "data_base64": "not base 64!"}).encode(),
        json.dumps({**REQUIRED, "data_base64": 5}).encode(),
        json.dumps({**REQUIRED, "id": ""}).encode(),
        b"[" * 100_000,
        b'{"partition":' + b"[" * 100_000,
    ],
    ids=lambda document: document[:12].decode("latin-1") + f"-{len(document)}",
)
def test_a_malformed_structured_event_is_refused(document):
    with pytest.raises(RejectedEventError) as caught:
        from_structured(document)
    assert caught.value.reason is Reason.MALFORMED_ENVELOPE


def refusal(read, content):
    """The reason for which ``read`` refuses the content; None when it takes it."""
    try:
        read(content)
    except RejectedEventError as error:
        return error.reason
    return None


@given(st.binary())
def test_arbitrary_bytes_are_an_event_or_a_malformed_envelope(document):
    assert refusal(from_structured, document) in {None, Reason.MALFORMED_ENVELOPE}


@given(st.lists(st.tuples(st.sampled_from([name for name, _ in KSERVE_HEADERS]), st.binary(max_size=20)), max_size=12))
def test_arbitrary_header_values_are_an_event_or_a_malformed_envelope(headers):
    assert refusal(from_headers, headers) in {None, Reason.MALFORMED_ENVELOPE}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
).filter(lambda value: "Infinity" not in json.dumps(value))


@given(envelopes, json_values, st.sampled_from([None, 2]))
def test_a_json_body_survives_being_written(envelope, value, indent):
    line = to_structured(envelope, json.dumps(value, indent=indent).encode())
    assert b"\n" not in line
    back, body = from_structured(line)
    assert back == envelope
    assert json.loads(body) == value


@given(envelopes, st.binary())
@example(Envelope(REQUIRED), b"   ")
@example(Envelope(REQUIRED), b'"\xff"')
@example(Envelope(REQUIRED), b"\n1\n")
def test_any_body_survives_being_written(envelope, written):
    line = to_structured(envelope, written)
    assert b"\n" not in line
    back, body = from_structured(line)
    assert back == envelope
    assert body == written or json.loads(body) == json.loads(written)


def test_numbers_are_written_digit_for_digit():
    body = b'{"data":[0.1000,1e-7,12345678901234567890.0]}'
    assert from_structured(to_structured(Envelope(REQUIRED), body))[1] == body


@given(st.integers(0, 4_102_444_800_000_000))
def test_times_survive_to_the_microsecond(microseconds):
    timestamp = microseconds / 1_000_000
    assert parse_time(format_time(timestamp)) == timestamp


def test_a_time_without_offset_is_refused():
    with pytest.raises(ValueError, match="no offset from UTC"):
        parse_time("2026-11-24T10:00:00")
