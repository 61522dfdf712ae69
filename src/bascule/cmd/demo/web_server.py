"""A tiny web server that says its name: `python -m bascule.cmd.demo.web_server NAME ADDRESS PORT`."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bascule.cmd import process


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with the name of the server."""

    name = ""
    protocol_version = "HTTP/1.1"
    timeout = 30.0

    def do_GET(self) -> None:
        """Say who answers."""
        body = f"Hello from {self.name}: you asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Served-By", self.name)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the class above
        """Be quiet: the health monitor alone asks every second."""


class Server(ThreadingHTTPServer):
    """Ends without waiting for connections that clients keep open."""

    daemon_threads = True
    block_on_close = False


def main() -> None:
    """Serve until killed, or until whoever started us is gone."""
    Handler.name, address, port = sys.argv[1:]
    process.live_no_longer_than_parent()
    Server((address, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
