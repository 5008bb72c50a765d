"""How flow runs end in Prefect that end while they are being cancelled.

Prefect's runner says `Cancelled` of whatever it stops, also of a flow run that has ended and whose
process has not exited yet; and it leaves one in state `Cancelling` that is cancelled while it
starts, before or after it has a process. (The server would end it five minutes later.)
"""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.runner import _state_proposer

ENDED = (StateType.COMPLETED, StateType.FAILED)  # an interrupted flow run is `Crashed` at first
EXITED = "cancelled in Prefect"


class StateProposer(_state_proposer.StateProposer):
    """Sets the states of the flow runs that a runner has started."""

    async def propose_submitting(self, flow_run: FlowRun) -> bool:
        """Whether a flow run of this runner may start; one that is being cancelled ends."""
        if await super().propose_submitting(flow_run):
            return True
        found = await self._client.read_flow_run(flow_run.id)
        if found.state_type == StateType.CANCELLING:
            await self.propose_cancelled(found, {"message": f"{EXITED} before it started"})
        return False

    async def propose_crashed(self, flow_run: FlowRun, message: str) -> State[Any] | None:
        """The process has exited: `Crashed`, or `Cancelled` if that was asked for."""
        state = await super().propose_crashed(flow_run, message)
        if state is None or state.type != StateType.CANCELLING:
            return state
        being_stopped = flow_run.model_copy(update={"state": state})
        try:
            done = await self.propose_cancelled(being_stopped, {"message": f"{EXITED}: {message}"})
        except Exception:  # what this raises would end the runner
            self._logger.exception("Failed to update state of flow run '%s'", flow_run.id)
            return state
        if not done:
            return state
        return state.model_copy(update={"type": StateType.CANCELLED, "name": "Cancelled"})

    async def propose_cancelled(
        self, flow_run: FlowRun, state_updates: dict[str, Any] | None = None
    ) -> bool:
        """`Cancelled`, unless the flow run has ended; whether that was set."""
        try:
            found = await self._client.read_flow_run(flow_run.id)
        except ObjectNotFound:
            return False
        if found.state_type in ENDED:
            return False
        return await super().propose_cancelled(flow_run, state_updates)
