from pathlib import Path

import pytest
import yaml

from drift_operator.errors import ResourceError
from drift_operator.resource.driftbreaker import parse_driftbreaker
from drift_operator.resource.spec import DriftBreakerSpec, Mode

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "manifests/samples/driftbreaker-insurance-risk.yaml"
LOCAL = ROOT / "manifests/local/driftbreaker.yaml"
DESIGN = """
apiVersion: driftbreaker.dev/v1alpha1
kind: DriftBreaker
metadata: {name: insurance-risk}
spec:
  route:
    parentRefs: [{name: kserve-ingress-gateway, namespace: kserve}]
    hostnames: [insurance-risk.example.com]
  model: {inferenceService: insurance-risk}
  fallback: {inferenceService: insurance-risk-rules}
  signal:
    prometheus: {url: "http://kube-prometheus-stack-prometheus.monitoring:9090"}
    stream: insurance-risk
    interval: 15s
    staleAfter: 2m
  probe: {model: insurance-risk, request: {inputs: [{name: age, shape: [1], datatype: FP64, data: [35]}]}}
  trip: {streak: 1}
  recover: {streak: 4, dwell: 10m, steps: [10, 50, 100], stepDuration: 5m}
  onSignalLoss: Hold
  flapLimit: {switches: 3, per: 24h}
  mirror: {percent: 10}
  mode: Enforce
  pin: {to: Fallback, until: "2027-01-31T00:00:00Z", reason: "incident 4711"}
"""


def changed(path: str, value: object) -> str:
    """The design's resource with one field changed; `...` removes it."""
    document = yaml.safe_load(DESIGN)
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return yaml.safe_dump(document)


class TestTheDesignsResource:
    def test_it_is_read_with_durations_in_seconds(self):
        resource = parse_driftbreaker(DESIGN, source="x")
        spec = resource.spec
        assert (resource.metadata.name, resource.metadata.namespace) == ("insurance-risk", "default")
        assert (spec.signal.interval, spec.signal.stale_after, spec.recover.dwell) == (15, 120, 600)
        assert (spec.recover.step_duration, spec.flap_limit.per) == (300, 86400)
        assert spec.recover.steps == (10, 50, 100)
        assert spec.pin.until.timestamp() == 1801353600

    def test_its_optional_fields_are_the_defaults_except_mirror_mode_probe_and_pin(self):
        least = yaml.safe_load(DESIGN)
        keep = ("route", "model", "fallback")
        least["spec"] = {key: least["spec"][key] for key in keep} | {
            "signal": {key: least["spec"]["signal"][key] for key in ("prometheus", "stream")}
        }
        spec = parse_driftbreaker(yaml.safe_dump(least), source="x").spec
        whole = parse_driftbreaker(DESIGN, source="x").spec
        assert spec.mode is Mode.OBSERVE
        update = {"mirror": None, "mode": Mode.OBSERVE, "probe": None, "pin": None}
        assert spec == whole.model_copy(update=update)

    def test_kubernetes_own_metadata_and_status_are_no_errors(self):
        document = yaml.safe_load(DESIGN)
        document["metadata"] |= {"uid": "1", "labels": {"a": "b"}, "generation": 4}
        document["status"] = {"phase": "Healthy"}
        assert parse_driftbreaker(yaml.safe_dump(document), source="x").metadata.name == "insurance-risk"

    def test_it_survives_json_and_back(self):
        spec = parse_driftbreaker(DESIGN, source="x").spec
        assert DriftBreakerSpec.model_validate_json(spec.model_dump_json()) == spec
        assert '"staleAfter":"2m"' in spec.model_dump_json()


class TestFilesOfTheProject:
    @pytest.mark.parametrize("file", [SAMPLE, LOCAL], ids=lambda file: file.parent.name)
    def test_they_are_valid(self, file):
        resource = parse_driftbreaker(file.read_text(encoding="utf-8"), source=file.name)
        assert resource.spec.mode is Mode.ENFORCE

    def test_the_sample_shows_every_field_of_the_spec(self):
        text = SAMPLE.read_text(encoding="utf-8")
        names = {field.alias for field in DriftBreakerSpec.model_fields.values()}
        assert [name for name in names if f"{name}:" not in text] == []

    def test_what_the_sample_calls_default_is(self):
        document = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
        written = parse_driftbreaker(yaml.safe_dump(document), source="x").spec
        for part in ("trip", "recover", "onSignalLoss", "flapLimit"):
            del document["spec"][part]
        for part, fields in {"signal": ("interval", "staleAfter"), "route": ("matches", "filters")}.items():
            for field in fields:
                del document["spec"][part][field]
        for field in ("interval", "timeout", "failureThreshold"):
            del document["spec"]["probe"][field]
        assert parse_driftbreaker(yaml.safe_dump(document), source="x").spec == written

    def test_the_local_resource_counts_in_seconds(self):
        recover = parse_driftbreaker(LOCAL.read_text(encoding="utf-8"), source="x").spec.recover
        assert (recover.dwell, recover.steps, recover.step_duration) == (2, (10, 50, 100), 1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "value", "says"),
        [
            ("spec.route", ..., "spec.route: required, but missing"),
            ("spec.route", {"hostnames": ["a"]}, "spec.route: the route is missing; write parentRefs"),
            ("spec.route.ref", {"name": "mine"}, "parentRefs and ref exclude each other"),
            ("spec.route", {"ref": {"name": "mine"}, "hostnames": ["a"]}, "a route named by ref keeps its own"),
            (
                "spec.route.timeouts",
                {"request": "1s", "backendRequest": "2s"},
                "spec.route.timeouts: backendRequest is longer",
            ),
            ("spec.model", {}, "spec.model: write either inferenceService: NAME or service: NAME"),
            ("spec.model", {"inferenceService": "a", "service": "b"}, "not both"),
            ("spec.model", {"inferenceService": "a", "port": 80}, "port belongs to service"),
            ("spec.model", {"service": "a", "port": 70000}, "spec.model.port: Input should be less than"),
            ("spec.fallback", {"inferenceService": "insurance-risk"}, "name two different backends"),
            ("spec.fallback", {"service": "insurance-risk"}, "share the name 'insurance-risk'"),
            ("spec.signal.detector", {"url": "http://x"}, "write either prometheus: {url: ...} or detector"),
            ("spec.signal.prometheus", ..., "write either prometheus: {url: ...} or detector"),
            ("spec.signal.stream", ..., "write either stream: NAME or query"),
            ("spec.signal.query", {"drift": "a", "clear": "b", "timestamp": "c"}, "not both"),
            (
                "spec.signal",
                {"detector": {"url": "http://x"}, "query": {"drift": "a", "clear": "b", "timestamp": "c"}},
                "query needs prometheus",
            ),
            ("spec.signal.staleAfter", "10s", "staleAfter is shorter than interval"),
            ("spec.signal.interval", 15, "spec.signal.interval: 15 has no unit; write a duration as text, for exam"),
            ("spec.signal.interval", "0s", "must be longer than zero"),
            ("spec.signal.prometheus.url", "prometheus:9090", "spec.signal.prometheus.url"),
            ("spec.trip.streak", 0, "spec.trip.streak: Input should be greater than or equal to 1"),
            ("spec.trip.streak", "2", "spec.trip.streak: Input should be a valid integer (got '2')"),
            ("spec.recover.steps", [10, 50], "the last step must be 100; write for example [10, 50, 100]"),
            ("spec.recover.steps", [], "the last step must be 100"),
            ("spec.recover.steps", [50, 50, 100], "[50, 50, 100] does not rise with every step"),
            ("spec.recover.steps", [0, 100], "spec.recover.steps[0]: Input should be greater than or equal to 1"),
            ("spec.recover.steps", [*range(1, 11), 100], "at most 10 items"),
            ("spec.recover.stepDuraton", "5m", "spec.recover.stepDuraton: no such field"),
            ("spec.flapLimit.switches", 21, "less than or equal to 20"),
            ("spec.mirror.percent", 101, "less than or equal to 100"),
            ("spec.onSignalLoss", "Panic", "'Hold', 'Fallback' or 'Model'"),
            ("spec.pin.to", "Rules", "'Model' or 'Fallback'"),
            ("spec.pin.reason", ..., "spec.pin.reason: required"),
            ("spec.pin.until", "2027-01-31T00:00:00", "has no time zone"),
            ("spec.probe", ..., "mode: Enforce needs probe"),
            ("spec.probe.request.inputs", [{"name": "age"}], "input 0 lacks shape, datatype, data"),
            ("spec.probe.request.inputs", [], "at least 1 item"),
            ("metadata.name", "Insurance_Risk", "metadata.name: String should match pattern"),
            ("kind", "Canary", "write apiVersion: driftbreaker.dev/v1alpha1 and kind: DriftBreaker"),
        ],
    )
    def test_the_message_names_the_field_and_says_what_to_write(self, path, value, says):
        with pytest.raises(ResourceError) as error:
            parse_driftbreaker(changed(path, value), source="breaker.yaml")
        assert says in str(error.value)
        assert str(error.value).startswith("breaker.yaml: ")

    def test_all_broken_fields_are_named_at_once(self):
        document = yaml.safe_load(DESIGN)
        document["spec"]["trip"] = {"streak": 0}
        document["spec"]["mode"] = "Force"
        with pytest.raises(ResourceError) as error:
            parse_driftbreaker(yaml.safe_dump(document), source="x")
        assert str(error.value).count("\n") == 2

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no YAML object"),
            ("- 1", "no YAML object"),
            ("a: b: c", "not one YAML document"),
            ("a: 1\n---\nb: 2", "not one"),
        ],
    )
    def test_what_is_no_resource_at_all(self, text, says):
        with pytest.raises(ResourceError, match=says):
            parse_driftbreaker(text, source="x")
