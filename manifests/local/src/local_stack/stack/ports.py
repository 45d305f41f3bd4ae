"""Find a taken port before a server stumbles over it."""

import errno
import socket

from local_stack.errors import UsageError
from local_stack.stack.settings import StackSettings


def require_free_ports(settings: StackSettings) -> None:
    """Check that every port of the stack can be bound.

    Raises:
        UsageError: a port is in use; the message names it and the option that changes it.
    """
    for name, port in settings.ports.model_dump().items():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: a connection that was closed a moment ago does not count as use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    reason = "is in use (`make down` stops a stack that `make up` started)"
                else:
                    reason = f"cannot be used: {error.strerror}"
                raise UsageError(
                    f"port {port} ({name}) on {settings.host} {reason}: choose another with --port {name}=NUMBER"
                ) from error
