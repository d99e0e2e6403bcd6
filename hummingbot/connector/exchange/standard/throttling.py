"""Hummingbot's throttler by a clock that never jumps.

Hummingbot's own measures by the wall clock: set back by an hour, it lets nothing pass for an hour.
"""
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.core.api_throttler.async_throttler import AsyncRequestContext, AsyncThrottler
from hummingbot.core.api_throttler.data_types import RateLimit, TaskLog


class SteadyThrottler(AsyncThrottler):
    """An AsyncThrottler whose seconds are those of the connector's monotonic clock."""

    def __init__(self, clock: Clock, rate_limits: Sequence[RateLimit], share: Decimal = Decimal(100)) -> None:
        """`share` is how much of the limits may be used, in per cent."""
        super().__init__(list(rate_limits), limits_share_percentage=share)
        self._clock = clock
        # Hummingbot compares the times of its warnings between all throttlers, so they look like wall-clock time.
        self._offset = clock.time() - clock.monotonic()

    def execute_task(self, limit_id: str) -> AsyncRequestContext:
        """See AsyncThrottler.execute_task."""
        rate_limit, related_limits = self.get_related_limits(limit_id)
        return _SteadyContext(self._now, task_logs=self._task_logs, rate_limit=rate_limit, related_limits=related_limits,
                              lock=self._lock, safety_margin_pct=self._safety_margin_pct, retry_interval=self._retry_interval)

    def _now(self) -> float:
        return self._offset + self._clock.monotonic()


class _SteadyContext(AsyncRequestContext):
    def __init__(self, now: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._now = now

    def flush(self) -> None:
        now, margin = self._now(), 1 + self._safety_margin_pct
        self._task_logs[:] = [task for task in self._task_logs if now - task.timestamp <= task.rate_limit.time_interval * margin]

    def within_capacity(self) -> bool:
        """See AsyncRequestContext.within_capacity. Nothing is counted by limit where all that lately passed fits into each."""
        passed = sum([task.weight for task in self._task_logs])
        limits = [(self._rate_limit, self._rate_limit.weight), *self._related_limits]
        return all(passed + weight <= limit.limit for limit, weight in limits) or bool(super().within_capacity())

    def _log_acquired_task(self) -> None:
        now = self._now()
        self._task_logs += [TaskLog(timestamp=now, rate_limit=limit, weight=weight)
                            for limit, weight in [(self._rate_limit, self._rate_limit.weight), *self._related_limits]]

    def _time(self) -> float:
        return float(self._now())
