import json

import pytest

from drift_operator.errors import RouteError
from drift_operator.resource.vocabulary import Weights
from drift_operator.routes.envoy_file import RouteFile, route_configuration


def action(configuration):
    (host,) = configuration["virtual_hosts"]
    assert host["domains"] == ["*"]
    (route,) = host["routes"]
    assert route["match"] == {"prefix": "/"}
    return route["route"]


class TestRouteConfiguration:
    @pytest.mark.parametrize("percent", [0, 10, 100])
    def test_both_clusters_are_always_there(self, make_spec, percent):
        configuration = route_configuration(make_spec(), Weights.with_model(percent))
        assert configuration["name"] == "driftbreaker"
        assert action(configuration)["weighted_clusters"]["clusters"] == [
            {"name": "risk", "weight": percent},
            {"name": "risk-rules", "weight": 100 - percent},
        ]

    @pytest.mark.parametrize(("percent", "mirrored"), [(0, True), (10, False), (100, False)])
    def test_only_a_benched_model_gets_copies(self, make_spec, percent, mirrored):
        configuration = route_configuration(make_spec(mirror={"percent": 20}), Weights.with_model(percent))
        policies = action(configuration).get("request_mirror_policies", [])
        fraction = {"default_value": {"numerator": 20, "denominator": "HUNDRED"}}
        assert policies == ([{"cluster": "risk", "runtime_fraction": fraction}] if mirrored else [])

    def test_timeouts_are_the_specs(self, make_spec):
        assert "timeout" not in action(route_configuration(make_spec(), Weights.with_model(100)))
        spec = make_spec(route={"timeouts": {"request": "1m", "backendRequest": "1500ms"}})
        found = action(route_configuration(spec, Weights.with_model(100)))
        assert (found["timeout"], found["retry_policy"]["per_try_timeout"]) == ("60.000s", "1.500s")


class TestRouteFile:
    def test_versions_rise_with_every_change_and_over_restarts(self, make_spec, tmp_path):
        path = tmp_path / "routes.json"
        versions = []
        for percent in (100, 0, 10, 50, 100):
            assert RouteFile(path).put(route_configuration(make_spec(), Weights.with_model(percent)))
            versions.append(int(json.loads(path.read_text())["version_info"]))
        assert versions == sorted(set(versions))

    def test_a_clock_that_was_set_back_does_not_lower_them(self, make_spec, tmp_path):
        path = tmp_path / "routes.json"
        RouteFile(path).put(route_configuration(make_spec(), Weights.with_model(100)))
        future = {**json.loads(path.read_text()), "version_info": "99999999999999999"}
        path.write_text(json.dumps(future))
        file = RouteFile(path)
        file.put(route_configuration(make_spec(), Weights.with_model(0)))
        assert file.version == "100000000000000000"

    def test_the_same_route_is_not_written_again(self, make_spec, tmp_path):
        path = tmp_path / "routes.json"
        configuration = route_configuration(make_spec(), Weights.with_model(0))
        assert RouteFile(path).put(configuration)
        before = path.stat()
        assert not RouteFile(path).put(configuration)
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"version_info": "1", "resources": []}'])
    def test_a_broken_file_is_replaced(self, make_spec, tmp_path, content):
        path = tmp_path / "routes.json"
        path.write_text(content)
        assert RouteFile(path).put(route_configuration(make_spec(), Weights.with_model(0)))
        assert json.loads(path.read_text())["resources"][0]["name"] == "driftbreaker"

    def test_a_folder_that_is_not_there_is_named(self, make_spec, tmp_path):
        file = RouteFile(tmp_path / "nowhere" / "routes.json")
        with pytest.raises(RouteError, match=r"nowhere/routes\.json cannot be written"):
            file.put(route_configuration(make_spec(), Weights.with_model(0)))

    def test_nothing_else_is_left_in_the_folder(self, make_spec, tmp_path):
        path = tmp_path / "routes.json"
        for percent in (0, 100, 0):
            RouteFile(path).put(route_configuration(make_spec(), Weights.with_model(percent)))
        assert list(tmp_path.iterdir()) == [path]
