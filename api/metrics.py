"""What Prometheus reads of this process: counts and times by route template, never by id or client."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS: Final = Counter("cxr_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS: Final = Histogram(
    "cxr_http_request_seconds",
    "Seconds from the first byte of a request to the last of its answer, waits included",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
IN_FLIGHT: Final = Gauge("cxr_http_requests_in_flight", "Requests being served, waiting ones included")
WAITERS: Final = Gauge("cxr_http_waiters", "Long polls and event streams that wait for a change")
REFUSED: Final = Counter(
    "cxr_http_refused_total",
    "Connections that were closed, and requests that were turned away, before or instead of being served",
    ["reason"],
)
