"""What HAProxy is told that Ray has no setting for: a wrapper around its binary edits the configuration that Ray writes."""

import stat
from datetime import timedelta
from pathlib import Path

# A caller may take this long over the head of a request, and be silent this long within its body or the reply.
HEAD_WITHIN_S = 10
SILENT_FOR_S = 30
# A replica refuses by itself who would wait too long, but not for nothing, and under a flood that would be all it does. So many
# may be at one replica for each second that a caller may wait: about what the fastest models answer in a second beside a flood.
IN_FLIGHT_PER_SECOND = 214

_WRAPPER = """#!/bin/sh
# Started by Ray in place of HAProxy.
previous=
for argument in "$@"; do
  if [ "$previous" = "-f" ]; then
    sed -i -f {edits} "$argument"
  fi
  previous=$argument
done
exec {binary} "$@"
"""

# A configuration may be edited twice: what is added carries a mark, and goes first.
_EDITS = r"""
/ # triage$/d
# Status pages listen on every interface.
s/^\( *bind \)\*\{{0,1\}}:\([0-9]\)/\1127.0.0.1:\2/
# Each request would send a line with its path to the syslog port of the machine, where nobody of ours listens.
/^ *log .* local0 info$/d
/^ *option httplog$/d
# The head of a request may take an hour.
s/^defaults$/&\n    timeout http-request {head_s}s # triage/
# Where no replica can be reached, the reply is a 500 in plain text, and a 404 while HAProxy has just begun and knows of none.
s#^\( *errorfile 50[234]\) .*#\1 {unavailable}#
/^backend default_backend$/,/^backend /s#^\( *http-request return\) status 404 .*#\1 status 503 errorfile {unavailable}#
# Whoever comes while the replicas have all that they may have is refused here, for next to nothing.
/^backend default_backend$/!s#^backend .*#&\
    http-request set-var(txn.replicas) nbsrv \# triage\
    acl full be_conn,div(txn.replicas) ge {in_flight} \# triage\
    http-request return status 429 errorfile {busy} if METH_POST full {{ nbsrv gt 0 }} \# triage#
# Who comes alone is sent to the first replica that lives: taking turns, each would find its caches filled by the other.
s#^\( *\)server \(SERVE_REPLICA_[^ ]*\) .*#&\
\1use-server \2 if {{ be_conn le 1 }} \# triage#
# Serve decodes these headers before we see them, and bytes that are no UTF-8 are a 500; two of them are for its own proxy.
/^frontend http_frontend$/a\
    http-request deny deny_status 400 if {{ req.hdr(x-request-id) -m reg [^[:print:]] }} # triage\
    http-request del-header ^(x-request-(timeout-seconds|disconnect-disabled)|x[-_]session[-_]id)$ -m reg # triage\
    http-request del-header ^serve[-_]multiplexed[-_]model[-_]id$ -m reg # triage
"""

_UNAVAILABLE = """HTTP/1.0 503 Service Unavailable\r
Cache-Control: no-cache\r
Connection: close\r
Content-Type: application/problem+json\r
Retry-After: 2\r
\r
{"type":"urn:triage:problem:unavailable","title":"Service Unavailable","status":503,"detail":"no replica can be reached",\
"hint":"send it again in a moment"}"""

_BUSY = """HTTP/1.1 429 Too Many Requests\r
Cache-Control: no-cache\r
Content-Type: application/problem+json\r
Content-Length: {length}\r
Retry-After: 1\r
\r
{body}"""
_BUSY_BODY = """{"type":"urn:triage:problem:queue-full","title":"Too Many Requests","status":429,\
"detail":"every replica is busy","hint":"send fewer at once, or again later"}"""


def write_wrapper(folder: Path, binary: str, longest_wait: timedelta) -> Path:
    """Write the wrapper around ``binary``, and what it needs, into ``folder``; it refuses past ``longest_wait``."""
    path, edits, unavailable, busy = (folder / name for name in ("haproxy", "haproxy.sed", "503.http", "429.http"))
    unavailable.write_bytes(_UNAVAILABLE.encode())
    busy.write_bytes(_BUSY.format(length=len(_BUSY_BODY), body=_BUSY_BODY).encode())
    in_flight = max(1, round(IN_FLIGHT_PER_SECOND * longest_wait.total_seconds()))
    edits.write_text(_EDITS.format(head_s=HEAD_WITHIN_S, unavailable=unavailable, busy=busy, in_flight=in_flight))
    partial = path.with_suffix(".part")
    partial.write_text(_WRAPPER.format(binary=binary, edits=edits))
    partial.chmod(partial.stat().st_mode | stat.S_IXUSR)
    partial.rename(path)
    return path
