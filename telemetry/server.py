"""/metrics, /livez and /readyz on loopback, by a thread of its own: they answer also when the event loop does not.

/livez    200 while all that has to move moves; 503 and what has stopped, as JSON, some seconds before the watchdog ends the process
/readyz   200 when all that was promised is up; 503 and why not, as JSON
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from prometheus_client import generate_latest

from telemetry.metrics import REGISTRY
from telemetry.watchdog import Watchdog


class Health(NamedTuple):
    """What the process knows of itself. reasons: asked by /readyz; empty: ready."""

    reasons: Callable[[], dict[str, str]]
    watchdog: Watchdog


def serve(health: Health, *, port: int) -> int:
    """Starts the server; the port it listens at (0 asks for a free one). Raises OSError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:  # http.server's name
            """By path."""
            match self.path.split("?")[0]:
                case "/metrics":
                    self._answer(200, generate_latest(REGISTRY), "text/plain; version=0.0.4; charset=utf-8")
                case "/livez":
                    faults, silent = health.watchdog.faults, health.watchdog.loop_silent_seconds
                    self._answer_json(503 if faults else 200, {"loop_silent_seconds": round(silent, 3), "reasons": faults})
                case "/readyz":
                    reasons = health.reasons()
                    self._answer_json(503 if reasons else 200, {"ready": not reasons, "reasons": reasons})
                case _:
                    self._answer_json(404, {"error": "there are /metrics, /livez and /readyz"})

        def _answer_json(self, code: int, body: object) -> None:
            self._answer(code, json.dumps(body).encode(), "application/json")

        def _answer(self, code: int, body: bytes, kind: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody wants a line for each scrape."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_address[1])
