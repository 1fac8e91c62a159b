"""Runs in an agent's container: tries every way out that is not the gateway."""

import os
import socket

PORT = int("@port@")
NAMES = ("127.0.0.1", "localhost", "172.17.0.1", "host.docker.internal", "10.0.2.2", "@host@")

for name in NAMES:
    try:
        with socket.create_connection((name, PORT), 2) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            print("REACHED", name, sock.recv(999))
    except OSError as error:
        print("closed", name, error)

host, port = os.environ["BASE_URL"].split("/")[2].split(":")


def say(line):
    """What the gateway answers to a line."""
    with socket.create_connection((host, int(port)), 5) as sock:
        sock.sendall(
            f"{line} HTTP/1.1\r\nhost: 127.0.0.1:{PORT}\r\nconnection: close\r\n\r\n".encode()
        )
        return sock.recv(99)


for target in (f"http://127.0.0.1:{PORT}/", "/../", f"//127.0.0.1:{PORT}/"):
    print("proxy", say(f"GET {target}"))
print("connect", say(f"CONNECT 127.0.0.1:{PORT}"))
