"""How a command line is handed to the warm Python, and what comes back, over a Unix socket.

The client sends one message: JSON, after its length in four bytes, and with it the descriptors of
its stdin, stdout and stderr. Two lines come back: the number of the process that runs the command,
at once, and its exit status as `os.waitstatus_to_exitcode` has it, when it has ended. A client that
closes the connection earlier kills that process.
"""

import json
import socket
from typing import Any

# The environment variable that leads processes to the socket.
ADDRESS = "WARM_PYTHON"


def send(address: str, message: dict[str, Any], descriptors: list[int]) -> socket.socket:
    """Send a message and descriptors; returns the connection.

    Raises:
        OSError: nobody listens.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    content = json.dumps(message).encode()
    socket.send_fds(connection, [len(content).to_bytes(4, "big")], descriptors)
    connection.sendall(content)
    return connection


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive a message and descriptors.

    Raises:
        EOFError: the sender has gone.
    """
    size, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    if len(size) < 4:
        raise EOFError
    left, parts = int.from_bytes(size, "big"), []
    while left:
        parts.append(part := connection.recv(left))
        if not part:
            raise EOFError
        left -= len(part)
    return json.loads(b"".join(parts)), descriptors
