"""The script that `hbot start` runs a V2 controller with, under the name that Hummingbot expects in scripts/.

It places no orders of its own. It lets the controllers work, takes the executors of one away when somebody sets its
`manual_kill_switch`, and when a controller or all together have lost more than the configured amounts.
"""
from decimal import Decimal

from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase
from hummingbot.strategy_v2.models.base import RunnableStatus
from hummingbot.strategy_v2.models.executor_actions import CreateExecutorAction, StopExecutorAction


class V2WithControllersConfig(StrategyV2ConfigBase):
    """Which controllers run, and what they may lose in the quote token; None for no limit."""

    script_file_name: str = "v2_with_controllers.py"
    max_global_drawdown_quote: Decimal | None = None
    max_controller_drawdown_quote: Decimal | None = None


class V2WithControllers(StrategyV2Base):
    """Runs controllers until they are switched off or have lost too much."""

    def __init__(self, connectors, config: V2WithControllersConfig):
        super().__init__(connectors, config)
        self.config = config
        self._best: dict[str, Decimal] = {}
        self._ended: set[str] = set()

    def on_tick(self) -> None:
        """Every second: limits and switches first, then what the controllers want."""
        if not self._is_stop_triggered:
            self._keep_limits()
            self._follow_switches()
        super().on_tick()

    def create_actions_proposal(self) -> list[CreateExecutorAction]:
        """Nothing: the controllers propose."""
        return []

    def stop_actions_proposal(self) -> list[StopExecutorAction]:
        """Nothing: the controllers propose."""
        return []

    def _keep_limits(self) -> None:
        results = {name: report.global_pnl_quote for name in self.controllers if (report := self.get_performance_report(name))}
        for name, result in results.items():
            if name not in self._ended and self._fell(name, result, self.config.max_controller_drawdown_quote):
                self._end(name)
        if results and self._fell("", sum(results.values(), Decimal(0)), self.config.max_global_drawdown_quote):
            for name in self.controllers.keys() - self._ended:
                self._end(name)

    def _fell(self, name: str, result: Decimal, limit: Decimal | None) -> bool:
        """Whether a result is further below its best than the limit allows."""
        self._best[name] = max(self._best.get(name, result), result)
        return limit is not None and self._best[name] - result > limit

    def _end(self, name: str) -> None:
        self._ended.add(name)
        self.logger().warning(f"The controller {name} has lost more than it may; it ends.")
        self.controllers[name].stop()
        self._take_away(name)

    def _follow_switches(self) -> None:
        for name, controller in self.controllers.items():
            if controller.config.manual_kill_switch and controller.status is RunnableStatus.RUNNING:
                self.logger().info(f"The controller {name} is switched off.")
                controller.stop()
                self._take_away(name)
            elif not controller.config.manual_kill_switch and controller.status is RunnableStatus.TERMINATED \
                    and name not in self._ended:
                self.logger().info(f"The controller {name} is switched on.")
                controller.start()

    def _take_away(self, name: str) -> None:
        for executor in self.get_executors_by_controller(name):
            if executor.is_active:
                self.executor_orchestrator.execute_action(StopExecutorAction(controller_id=name, executor_id=executor.id))
