"""What a load balancer and a Prometheus see: by real HTTP, on loopback."""

import json
import urllib.error
import urllib.request

from telemetry.server import Health, serve
from telemetry.watchdog import Watchdog


def unwatched() -> Watchdog:
    """A watchdog that looks only when it is told to, and ends nothing."""
    return Watchdog(end=lambda _: None)


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_ready_says_what_is_missing_until_nothing_is() -> None:
    reasons = {"log": "no partition is assigned"}
    port = serve(Health(lambda: dict(reasons), unwatched()), port=0)
    code, body = get(port, "/readyz")
    assert (code, json.loads(body)) == (503, {"ready": False, "reasons": {"log": "no partition is assigned"}})
    reasons.clear()
    code, body = get(port, "/readyz")
    assert (code, json.loads(body)) == (200, {"ready": True, "reasons": {}})


def test_alive_until_something_has_stopped() -> None:
    watchdog = unwatched()
    port = serve(Health(dict, watchdog), port=0)
    assert get(port, "/livez") == (200, '{"loop_silent_seconds": 0.0, "reasons": {}}')
    watchdog.report("log[0]", "its consumer has stopped")
    watchdog.look(0.25)
    code, body = get(port, "/livez")
    assert (code, json.loads(body)["reasons"]) == (503, {"log[0]": "its consumer has stopped"})
    watchdog.report("log[0]", None)
    watchdog.look(0.25)
    assert get(port, "/livez")[0] == 200


def test_metrics_are_in_prometheus_text() -> None:
    code, body = get(serve(Health(dict, unwatched()), port=0), "/metrics")
    assert code == 200
    assert "# TYPE weir_decisions_total counter" in body
    assert get(serve(Health(dict, unwatched()), port=0), "/table/cards")[0] == 404
