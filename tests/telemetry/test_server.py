"""What a load balancer and a Prometheus see: by real HTTP, on loopback."""

import json
import urllib.error
import urllib.request

import pytest

from telemetry import server
from telemetry.server import Health, serve


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_ready_says_what_is_missing_until_nothing_is() -> None:
    reasons = {"log": "no partition is assigned"}
    port = serve(Health(lambda: dict(reasons)), port=0)
    code, body = get(port, "/readyz")
    assert (code, json.loads(body)) == (503, {"ready": False, "reasons": {"log": "no partition is assigned"}})
    reasons.clear()
    code, body = get(port, "/readyz")
    assert (code, json.loads(body)) == (200, {"ready": True, "reasons": {}})


def test_alive_while_the_loop_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(server, "monotonic", lambda: now)
    health = Health(dict)
    port = serve(health, port=0)
    health.tick()
    now += server.TICK_SECONDS_MAX - 0.1
    assert get(port, "/livez")[0] == 200
    now += 0.2
    assert get(port, "/livez")[0] == 503
    health.tick()
    assert get(port, "/livez")[0] == 200


def test_metrics_are_in_prometheus_text() -> None:
    code, body = get(serve(Health(dict), port=0), "/metrics")
    assert code == 200
    assert "# TYPE weir_decisions_total counter" in body
    assert get(serve(Health(dict), port=0), "/table/cards")[0] == 404
