"""Where the seconds of compiling go: JAX reports what it traces, lowers, compiles and takes from its cache."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator

import jax

# Spans that JAX reports; one may lie inside of another, and each second counts for the innermost.
_SPANS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace_seconds",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower_seconds",
    "/jax/core/compile/backend_compile_duration": "xla_seconds",
}
_RETRIEVAL = "/jax/compilation_cache/cache_retrieval_time_sec"
_HIT = "/jax/compilation_cache/cache_hits"


@dataclasses.dataclass
class CompileSeconds:
    """What a piece of work spent on making programs; no second is counted twice.

    - `trace_seconds`: Python functions to jaxprs; `lower_seconds`: jaxprs to modules for the compiler.
    - `xla_seconds`: the compiler, in however many threads; `cache_seconds`: programs read from the persistent cache.
    - `cache_hits`: how many were read.
    """

    trace_seconds: float = 0.0
    lower_seconds: float = 0.0
    xla_seconds: float = 0.0
    cache_seconds: float = 0.0
    cache_hits: int = 0

    def as_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return dataclasses.asdict(self)


@contextlib.contextmanager
def compile_seconds() -> Iterator[CompileSeconds]:
    """Fills in what the body of the `with` spends on making programs, in this thread alone."""
    spent, thread = CompileSeconds(), threading.get_ident()
    # Spans that have ended and lie in none that has: (start, seconds).
    ended: list[tuple[float, float]] = []
    retrieved = 0.0

    def on_span(event: str, start: float, end: float, **_) -> None:
        nonlocal ended, retrieved
        if event not in _SPANS or threading.get_ident() != thread:
            return
        inside = sum(seconds for began, seconds in ended if began >= start)
        if _SPANS[event] == "xla_seconds":
            inside, retrieved = inside + retrieved, 0.0
        ended = [(began, seconds) for began, seconds in ended if began < start] + [(start, end - start)]
        setattr(spent, _SPANS[event], getattr(spent, _SPANS[event]) + max(end - start - inside, 0.0))

    def on_duration(event: str, seconds: float, **_) -> None:
        nonlocal retrieved
        if event == _RETRIEVAL and threading.get_ident() == thread:
            spent.cache_seconds += seconds
            retrieved += seconds

    def on_event(event: str, **_) -> None:
        if event == _HIT and threading.get_ident() == thread:
            spent.cache_hits += 1

    monitoring = jax.monitoring
    monitoring.register_event_time_span_listener(on_span)
    monitoring.register_event_duration_secs_listener(on_duration)
    monitoring.register_event_listener(on_event)
    try:
        yield spent
    finally:
        monitoring.unregister_event_time_span_listener(on_span)
        monitoring.unregister_event_duration_listener(on_duration)
        monitoring.unregister_event_listener(on_event)
