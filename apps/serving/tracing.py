"""Spans of requests for an OpenTelemetry collector, over OTLP/HTTP. Imported only where tracing is on; no content (ADR 14)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from apps.serving.timeline import Timeline
from libs.common.logs import get_logger

logger = get_logger("serving.tracing")

_CONTEXT = ("traceparent", "tracestate")
_SEND_WITHIN_S = 5.0
_FIRST_FAILURE = 500


class Tracing:
    """Makes a server span of each request, below the caller's own where it sent one, whose decision to sample counts.

    Of the others ``rate`` are sampled. Spans are sent from a thread of their own; what the collector does not take is
    dropped, and told to ``on_fault``.
    """

    def __init__(self, model: str, endpoint: str, rate: float, on_fault: Callable[[str], None]) -> None:
        resource = Resource.create({"service.name": "triage-serving", "triage.model": model})
        self._provider = TracerProvider(ParentBased(TraceIdRatioBased(rate)), resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OtlpExporter(endpoint, on_fault)))
        self._tracer = self._provider.get_tracer("triage")
        self._propagator = TraceContextTextMapPropagator()

    def trace(self, headers: Mapping[bytes, bytes], timeline: Timeline, ended_ns: int, facts: Mapping[str, str | int]) -> None:
        """The spans of a request that is over; ``facts`` are its attributes by OpenTelemetry's names."""
        told = {name: headers[name.encode()].decode("latin-1") for name in _CONTEXT if name.encode() in headers}
        caller: Context = self._propagator.extract(told)
        name = f"{facts['http.request.method']} {facts.get('http.route', '')}".rstrip()
        began_ns = timeline.began_ns
        server = self._tracer.start_span(name, caller, SpanKind.SERVER, dict(facts), start_time=began_ns)
        inside = set_span_in_context(server)
        for stay in timeline.stays:
            left_ns = stay.left_ns or stay.ended_ns
            self._tracer.start_span("queue", inside, start_time=stay.entered_ns).end(left_ns)
            if stay.left_ns:
                self._tracer.start_span("predict", inside, start_time=left_ns).end(stay.ended_ns)
        if int(facts["http.response.status_code"]) >= _FIRST_FAILURE:
            server.set_status(Status(StatusCode.ERROR))
        server.end(ended_ns)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


class OtlpExporter(SpanExporter):
    """Sends spans as protobuf to ``endpoint``, such as ``http://127.0.0.1:4318/v1/traces``."""

    def __init__(self, endpoint: str, on_fault: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._on_fault = on_fault
        self._client = httpx.Client(timeout=_SEND_WITHIN_S, headers={"Content-Type": "application/x-protobuf"})

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them once; a collector that is away costs these spans and no request."""
        try:
            self._client.post(self._endpoint, content=request_of(spans).SerializeToString()).raise_for_status()
        except httpx.HTTPError as error:
            self._on_fault("trace")
            logger.warning("%d spans were not taken by %s: %s", len(spans), self._endpoint, error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Hang up."""
        self._client.close()


def request_of(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """The body of one OTLP request for one span or more; all spans of a process have the same resource."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    scope = resource.scope_spans.add()
    scope.scope.name = "triage"
    _fill(resource.resource.attributes, spans[0].resource.attributes)
    for span in spans:
        _write(scope.spans.add(), span)
    return request


def _write(message: Message, span: ReadableSpan) -> None:
    assert span.context is not None  # every span of a tracer has one
    message.name = span.name
    message.trace_id = span.context.trace_id.to_bytes(16, "big")
    message.span_id = span.context.span_id.to_bytes(8, "big")
    message.trace_state = span.context.trace_state.to_header()
    message.parent_span_id = span.parent.span_id.to_bytes(8, "big") if span.parent else b""
    # OTLP counts the kinds from 1 on, 0 being "unspecified"; its status codes are the same.
    message.kind = Message.SpanKind.ValueType(span.kind.value + 1)
    message.start_time_unix_nano, message.end_time_unix_nano = span.start_time or 0, span.end_time or 0
    message.status.code = span.status.status_code.value  # pyright: ignore[reportAttributeAccessIssue]
    _fill(message.attributes, span.attributes or {})


def _fill(attributes: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        attribute = attributes.add(key=key)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = str(value)
