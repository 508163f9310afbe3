"""E-mails and answers as the tensors of the Open Inference Protocol v2."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from apps.serving.bodies import MAX_EMAILS
from libs.common.domain.triage import Email, TriageResult
from libs.common.errors import BadRequest
from libs.common.features.json_mail import email_from_json
from libs.common.features.mime import parse_message

Tensor = dict[str, Any]
EMAIL, SUBJECT, BODY = "email", "subject", "body"
OUTPUTS = ("label", "confidence", "probabilities", "classes", "request_id")
INPUTS: list[Tensor] = [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in (EMAIL, SUBJECT, BODY)]


@dataclass(frozen=True, slots=True)
class Inference:
    """An inference request: the caller's id for it (may be empty), its e-mails, and the outputs that are wanted."""

    id: str
    emails: list[Email]
    outputs: tuple[str, ...]


def inference_of(document: dict[str, Any]) -> Inference:
    """The request in the JSON object; BadRequest or DataError says what is wrong with it."""
    request_id = document.get("id", "")
    if not isinstance(request_id, str):
        raise BadRequest("'id' is no string", "write a string, or leave it out")
    texts = {name: _texts(name, tensor) for name, tensor in _named(document.get("inputs"), "inputs").items()}
    outputs = tuple(_named(document.get("outputs") or [], "outputs")) or OUTPUTS
    if unknown := set(outputs) - set(OUTPUTS):
        raise BadRequest(f"there is no output '{min(unknown)[:80]}'", f"the outputs are {', '.join(OUTPUTS)}")
    return Inference(request_id, _emails(texts), outputs)


def outputs_of(classes: int) -> list[Tensor]:
    """What a model of so many classes gives, as its metadata says it."""
    return [
        _output("label", "BYTES", [-1]),
        _output("confidence", "FP64", [-1]),
        _output("probabilities", "FP64", [-1, classes]),
        _output("classes", "BYTES", [classes]),
        _output("request_id", "BYTES", [-1]),
    ]


def tensors_of(results: Sequence[TriageResult], wanted: Sequence[str]) -> list[Tensor]:
    """The ``wanted`` outputs of ``results``; probabilities lie flat, row by row, in the order of ``classes``."""
    count = len(results)
    predictions = [result.prediction for result in results]
    classes = sorted({label for prediction in predictions for label in prediction.probabilities})
    rows = [prediction.probabilities.get(label, 0.0) for prediction in predictions for label in classes]
    tensors = [
        _output("label", "BYTES", [count]) | {"data": [prediction.label for prediction in predictions]},
        _output("confidence", "FP64", [count]) | {"data": [prediction.confidence for prediction in predictions]},
        _output("probabilities", "FP64", [count, len(classes)]) | {"data": rows},
        _output("classes", "BYTES", [len(classes)]) | {"data": classes},
        _output("request_id", "BYTES", [count]) | {"data": [result.request_id for result in results]},
    ]
    return [tensor for tensor in tensors if tensor["name"] in wanted]


def _output(name: str, datatype: str, shape: list[int]) -> Tensor:
    return {"name": name, "datatype": datatype, "shape": shape}


def _named(listed: object, where: str) -> dict[str, Tensor]:
    if not isinstance(listed, list):
        raise BadRequest(f"'{where}' is no list", f'write {{"{where}": [{{"name": …}}]}}')
    tensors: dict[str, Tensor] = {}
    for tensor in cast("list[object]", listed):
        name = cast("Tensor", tensor).get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str) or name in tensors:
            raise BadRequest(f"'{where}' holds what has no name of its own", "give each tensor another name")
        tensors[name] = cast("Tensor", tensor)
    return tensors


def _texts(name: str, tensor: Tensor) -> list[str]:
    """The elements of a BYTES tensor of shape [n] or [n, 1]."""
    shape, elements = tensor.get("shape"), tensor.get("data")
    if tensor.get("datatype") != "BYTES" or not _is_column(shape) or not isinstance(elements, list):
        raise BadRequest(
            f"the input '{name[:80]}' is no column of BYTES", 'write "datatype": "BYTES", "shape": [n], "data": […]'
        )
    flat = [item for element in cast("list[Any]", elements) for item in _flat(element)]
    if len(flat) != math.prod(cast("list[int]", shape)):
        raise BadRequest(f"the input '{name[:80]}' has the shape {shape} and {len(flat)} elements", "write as many as it says")
    if not all(isinstance(item, str) for item in flat):
        raise BadRequest(f"the input '{name[:80]}' holds what is no string", "write strings")
    return cast("list[str]", flat)


def _is_column(shape: object) -> bool:
    if not isinstance(shape, list) or not all(type(size) is int for size in cast("list[object]", shape)):
        return False
    sizes = cast("list[int]", shape)
    return len(sizes) in (1, 2) and 1 <= sizes[0] <= MAX_EMAILS and sizes[1:] in ([], [1])


def _flat(element: Any) -> list[Any]:
    return cast("list[Any]", element) if isinstance(element, list) else [element]


def _emails(texts: dict[str, list[str]]) -> list[Email]:
    if set(texts) == {EMAIL}:
        return [_email(text) for text in texts[EMAIL]]
    if not texts or set(texts) - {SUBJECT, BODY} or len({len(column) for column in texts.values()}) != 1:
        raise BadRequest(
            f"the inputs are {', '.join(sorted(texts))[:200] or 'none'}", "write email alone, or subject and body of one length"
        )
    rows = zip(*texts.values(), strict=True)
    return [email_from_json(dict(zip(texts, row, strict=True))) for row in rows]


def _email(text: str) -> Email:
    """A JSON object as /v1/classify takes it, or a raw message: no header's name begins with a brace."""
    if not text.lstrip().startswith("{"):
        return parse_message(text.encode("utf-8", "replace")).email
    try:
        return email_from_json(orjson.loads(text.encode("utf-8", "replace")))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"an e-mail is no JSON: {error}", "write a JSON object or a raw message") from None
