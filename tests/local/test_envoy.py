import json
import subprocess

from local_stack.stack.commands import RunFolder, room_program
from local_stack.stack.envoy import bootstrap


def test_envoy_accepts_the_configuration(settings, tmp_path):
    run = RunFolder(tmp_path)
    run.routes.parent.mkdir()
    run.routes.write_text("{}")
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(bootstrap(settings, run.routes)))
    envoy = room_program("manifests/local", "envoy")
    command = [envoy, "--mode", "validate", "-c", str(file)]
    check = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert check.returncode == 0, check.stderr
    assert "OK" in check.stdout + check.stderr


def test_the_clusters_are_the_agents_under_the_names_of_the_inference_services(settings, tmp_path):
    clusters = bootstrap(settings, tmp_path / "routes.json")["static_resources"]["clusters"]
    ports = {
        cluster["name"]: cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"][
            "socket_address"
        ]["port_value"]
        for cluster in clusters
    }
    assert ports == {
        "insurance-risk": settings.ports.model_agent,
        "insurance-risk-rules": settings.ports.rules_agent,
    }
