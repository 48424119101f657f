"""The local HTTP port: `/metrics` for Prometheus, `/healthz` for people and probes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from streamwatchd.errors import Unavailable

Health = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Whether all is well, and the details as JSON."""


class HttpPort:
    """Serves in a thread of its own until `close`."""

    def __init__(self, listen: str, metrics: Callable[[], str], health: Health) -> None:
        """`listen` is host:port, port 0 any free one. Raises Unavailable when the address can't be had."""
        host, _, port = listen.rpartition(":")
        handler = type("Handler", (_Handler,), {"metrics": staticmethod(metrics), "health": staticmethod(health)})
        try:
            self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), handler)
        except (OSError, ValueError, OverflowError) as error:
            raise Unavailable(f"can't listen on {listen}: {error}") from error
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    metrics: Callable[[], str]
    health: Health
    timeout = 10

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, "text/plain; version=0.0.4; charset=utf-8", type(self).metrics())
        elif path == "/healthz":
            good, details = type(self).health()
            self._answer(200 if good else 503, "application/json", json.dumps(details) + "\n")
        else:
            self._answer(404, "text/plain; charset=utf-8", "there are /metrics and /healthz\n")

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""
