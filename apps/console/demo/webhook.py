"""A webhook of the demo's own: takes the alerts that monitoring sends, as any outside service would."""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from libs.common.domain.alert import Alert

_LONGEST_BODY = 64 * 1024


class AlertReceiver:
    """Listens on this machine only, under a path that nobody can guess, while the ``with`` block runs."""

    def __init__(self) -> None:
        self._alerts: list[Alert] = []
        self._path = f"/{secrets.token_urlsafe(16)}"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._path, self._alerts.append))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """Where alerts are to be posted."""
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    @property
    def alerts(self) -> list[Alert]:
        """Every alert so far, in the order of arrival."""
        return list(self._alerts)

    def __enter__(self) -> "AlertReceiver":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(path: str, take: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers 204 to an alert, 400 to anything else, 404 elsewhere."""

        def do_POST(self) -> None:
            self.send_response(self._status())
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged: standard error belongs to the story."""

        def _status(self) -> int:
            length = int(self.headers.get("content-length") or 0)
            if self.path != path:
                return 404
            if not 0 < length <= _LONGEST_BODY:
                return 400
            try:
                fields = json.loads(self.rfile.read(length))
                take(Alert.model_validate({name: value for name, value in fields.items() if name != "key"}))
            except (ValidationError, ValueError, AttributeError):
                return 400
            return 204

    return Handler
