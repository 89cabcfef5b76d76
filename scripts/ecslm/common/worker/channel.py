"""Messages between a job and a worker: JSON values over a socket."""

import json
import socket
from typing import Any


class Channel:
    """Sends and receives JSON values, one a line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lines = connection.makefile("rb")

    def send(self, value: Any) -> None:
        """Send a value.

        Raises:
            OSError: the other process has gone.
        """
        self.connection.sendall(json.dumps(value).encode() + b"\n")

    def receive(self) -> Any:
        """Wait for a value.

        Raises:
            EOFError: the other process has gone.
            OSError: likewise.
        """
        line = self._lines.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return json.loads(line)

    def close(self) -> None:
        """End the conversation."""
        self._lines.close()
        self.connection.close()
