"""What an agent says of itself, so that nobody has to know it by name."""

from arena.records.base import Api, Record


class AgentCapabilities(Record):
    """What an agent is and needs; its module declares it."""

    label: str
    """One line for people."""
    apis: tuple[Api, ...] = ()
    """What it can speak to its model, the best first; empty for a control, which has no model."""
    needs_tools: bool = False
    """Its model must take tools."""
    needs_gateway: bool = False
    """It is a program of its own in the container, and reaches its model through the gateway."""
    given_gold: bool = False
    """It is given the task's fix, so it must pass every task that has one."""

    @property
    def control(self) -> bool:
        """Whether it bounds the results and is never ranked."""
        return not self.apis
