import socket

import pytest

from local_stack.errors import UsageError
from local_stack.stack.ports import require_free_ports
from local_stack.stack.settings import read_settings


def test_the_shipped_settings_are_the_documented_defaults():
    settings = read_settings()
    assert settings.url("front") == "http://127.0.0.1:8080"
    assert settings.url("detector") == "http://127.0.0.1:8085"
    assert (settings.ports.model_grpc, settings.ports.rules_grpc) == (9000, 9001)
    assert settings.model == "insurance-risk"


def test_a_port_can_be_changed():
    assert read_settings(["front=18080"]).ports.front == 18080


@pytest.mark.parametrize("override", ["front", "front=", "frount=1", "front=x", "=80"])
def test_a_bad_override_is_refused_with_the_names_that_exist(override):
    with pytest.raises(UsageError, match=r"write NAME=NUMBER with a name of front, detector"):
        read_settings([override])


def test_two_servers_on_one_port_are_refused():
    with pytest.raises(UsageError, match="'front' and 'detector' are both 8085"):
        read_settings(["front=8085"])


@pytest.mark.parametrize(
    ("text", "message"),
    [("host: localhost\nports: {}\n", "ports.front"), ("[", "cannot read the settings")],
)
def test_a_broken_file_is_named(tmp_path, text, message):
    file = tmp_path / "stack.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_settings(file=file)


def test_a_taken_port_is_named_with_the_option_that_changes_it(settings):
    require_free_ports(settings)
    with socket.socket() as taken:
        taken.bind((settings.host, settings.ports.detector))
        taken.listen()
        with pytest.raises(UsageError, match=rf"port {settings.ports.detector} \(detector\).*--port detector=NUMBER"):
            require_free_ports(settings)
