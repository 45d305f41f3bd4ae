"""Admission: repeats, probes and empty calls never reach a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_detectors.admission import PROBE_PREFIX, Admission
from drift_detectors.events.envelope import Envelope
from drift_detectors.events.outcomes import Outcome


def event(event_id="1", kind="request", *, service="insurance-risk", namespace="default"):
    return Envelope(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": "http://localhost:9081/",
            "type": f"org.kubeflow.serving.inference.{kind}",
            "inferenceservicename": service,
            "namespace": namespace,
        }
    )


def test_the_same_event_twice_is_a_duplicate():
    admission = Admission(10)
    assert admission.refuse(event(), b"{}") is None
    assert admission.refuse(event(), b"{}") is Outcome.DUPLICATE


@pytest.mark.parametrize(
    "other", [event("2"), event(kind="response"), event(service="insurance-risk-rules"), event(namespace="other")]
)
def test_an_event_that_differs_in_id_type_service_or_namespace_counts(other):
    admission = Admission(10)
    assert admission.refuse(event(), b"{}") is None
    assert admission.refuse(other, b"{}") is None


def test_probes_are_ignored_however_often_they_come():
    admission = Admission(10)
    for kind in ("request", "response", "request"):
        assert admission.refuse(event(f"{PROBE_PREFIX}17", kind), b"{}") is Outcome.IGNORED


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t"])
def test_an_empty_call_and_its_answer_are_ignored(body):
    admission = Admission(10)
    assert admission.refuse(event(), body) is Outcome.IGNORED
    assert admission.refuse(event(kind="response"), b'{"ready": true}') is Outcome.IGNORED


def test_a_repeat_beyond_the_horizon_counts_anew():
    admission = Admission(3)
    for number in "1234":
        assert admission.refuse(event(number), b"{}") is None
    assert admission.refuse(event("2"), b"{}") is Outcome.DUPLICATE
    assert admission.refuse(event("1"), b"{}") is None


def test_a_repeat_keeps_the_event_remembered():
    admission = Admission(2)
    admission.refuse(event("1"), b"{}")
    admission.refuse(event("2"), b"{}")
    assert admission.refuse(event("1"), b"{}") is Outcome.DUPLICATE
    admission.refuse(event("3"), b"{}")
    assert admission.refuse(event("1"), b"{}") is Outcome.DUPLICATE
    assert admission.refuse(event("2"), b"{}") is None


sequences = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", f"{PROBE_PREFIX}1"]),
        st.sampled_from(["request", "response"]),
        st.sampled_from(["insurance-risk", "insurance-risk-rules"]),
        st.sampled_from([b"{}", b""]),
    ),
    max_size=40,
)


@given(sequences)
def test_each_event_counts_once_and_only_with_a_body(sequence):
    admission = Admission(1000)
    first_bodies = {}
    for event_id, kind, service, body in sequence:
        outcome = admission.refuse(event(event_id, kind, service=service), body)
        key = (event_id, kind, service)
        if event_id.startswith(PROBE_PREFIX):
            assert outcome is Outcome.IGNORED
        elif key in first_bodies:
            assert outcome is Outcome.DUPLICATE
        else:
            first_bodies[key] = body
            answers_empty = kind == "response" and first_bodies.get((event_id, "request", service)) == b""
            assert outcome is (Outcome.IGNORED if not body or answers_empty else None)
