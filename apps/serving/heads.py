"""What the head of a request says: its id, how long the caller waits, what is asked for in the query; and how big it may be."""

import re
import time
from collections.abc import Sequence
from math import inf
from urllib.parse import parse_qs

from apps.serving.errors import HeadTooLarge
from apps.serving.http import Request
from libs.common.errors import BadRequest, Timeout

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MILLISECONDS = re.compile(r"[1-9][0-9]{0,8}")
_FLAGS = {"true": True, "1": True, "": True, "false": False, "0": False}


def require_small_head(headers: Sequence[tuple[bytes, bytes]], max_headers: int, max_bytes: int) -> None:
    """HeadTooLarge where there are more headers, or more bytes in them, than is allowed."""
    if len(headers) > max_headers:
        raise HeadTooLarge(f"there are {len(headers)} headers", f"send {max_headers} at most")
    if (size := sum(len(name) + len(value) for name, value in headers)) > max_bytes:
        raise HeadTooLarge(f"the headers hold {size} bytes", f"send {max_bytes} at most")


def is_id(found: str) -> bool:
    """Whether this can be a request's id."""
    return bool(_ID.fullmatch(found))


def require_id(found: str, where: str) -> None:
    """BadRequest, naming ``where``, for what cannot be a request's id."""
    if not is_id(found):
        raise BadRequest(f"{where} is no id", "write 1 to 128 letters, digits or ._:-")


def remaining_s(request: Request) -> float:
    """How long the caller still waits by its X-Request-Timeout-Ms, infinite without one; Timeout where it is too late."""
    if b"x-request-timeout-ms" not in request.headers:
        return inf
    wanted = request.header(b"x-request-timeout-ms")
    if not _MILLISECONDS.fullmatch(wanted):
        raise BadRequest("X-Request-Timeout-Ms is no time", "write whole milliseconds from 1 on")
    left_s = int(wanted) / 1000 - (time.perf_counter() - request.arrived)
    if left_s <= 0:
        raise Timeout(f"the {wanted} ms of X-Request-Timeout-Ms were over before the body was read", "allow more time")
    return left_s


def is_asked(request: Request, name: str) -> bool:
    """Whether the query asks for ``name``: ``?explain=true``; BadRequest for a value that is neither true nor false."""
    if not request.query:
        return False
    said = parse_qs(request.query.decode("latin-1"), keep_blank_values=True).get(name, ["false"])[-1]
    if (flag := _FLAGS.get(said.lower())) is None:
        raise BadRequest(f"?{name} is '{said[:40]}'", "write true or false")
    return flag
