"""The configuration that Ray writes for HAProxy, as the wrapper edits it."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

from apps.serving.haproxy import write_wrapper

WRITTEN = """global
    log 127.0.0.1:514 local0 info
    nbthread 2
defaults
    mode http
    log global
    option httplog
    errorfile 503 /ray/500.http
frontend http_frontend
    bind 127.0.0.1:8000
backend default_backend
    http-request return status 404 content-type text/plain lf-string "Path \'%[path]\' not found."
backend one
    server SERVE_REPLICA_a-1 127.0.0.1:30000 check
    server SERVE_REPLICA_a-2 127.0.0.1:30001 check
    server SERVE_PROXY_ACTOR-fallback-1 127.0.0.1:32000 check backup
"""
EDITED = """global
    nbthread 2
defaults
    timeout http-request 10s # triage
    mode http
    log global
    errorfile 503 {folder}/503.http
frontend http_frontend
    http-request deny deny_status 400 if {{ req.hdr(x-request-id) -m reg [^[:print:]] }} # triage
    http-request del-header ^(x-request-(timeout-seconds|disconnect-disabled)|x[-_]session[-_]id)$ -m reg # triage
    http-request del-header ^serve[-_]multiplexed[-_]model[-_]id$ -m reg # triage
    bind 127.0.0.1:8000
backend default_backend
    http-request return status 503 errorfile {folder}/503.http
backend one
    http-request set-var(txn.replicas) nbsrv # triage
    acl full be_conn,div(txn.replicas) ge 64 # triage
    http-request return status 429 errorfile {folder}/429.http if METH_POST full {{ nbsrv gt 0 }} # triage
    server SERVE_REPLICA_a-1 127.0.0.1:30000 check
    use-server SERVE_REPLICA_a-1 if {{ be_conn le 1 }} # triage
    server SERVE_REPLICA_a-2 127.0.0.1:30001 check
    use-server SERVE_REPLICA_a-2 if {{ be_conn le 1 }} # triage
    server SERVE_PROXY_ACTOR-fallback-1 127.0.0.1:32000 check backup
"""


def test_a_configuration_is_edited_alike_however_often(tmp_path: Path) -> None:
    wrapper = write_wrapper(tmp_path, "/bin/true", timedelta(milliseconds=300))
    config = tmp_path / "haproxy.cfg"
    config.write_text(WRITTEN)
    for _ in range(2):
        subprocess.run([wrapper, "-f", config], check=True)
        assert config.read_text() == EDITED.format(folder=tmp_path)


def test_whoever_comes_to_busy_replicas_is_told_when_to_come_again(tmp_path: Path) -> None:
    write_wrapper(tmp_path, "/bin/true", timedelta(milliseconds=300))
    head, _, body = (tmp_path / "429.http").read_bytes().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nRetry-After: " in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["status"] == 429


def test_where_no_replica_can_be_reached_the_reply_is_a_problem_document(tmp_path: Path) -> None:
    write_wrapper(tmp_path, "/bin/true", timedelta(milliseconds=300))
    head, _, body = (tmp_path / "503.http").read_bytes().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 503 ")
    assert b"\r\nRetry-After: " in head
    assert json.loads(body)["status"] == 503
