"""Agents in MongoDB."""

from typing import Final

from deploy_service.adapters.one_per_workflow import OnePerWorkflow, one_per_workflow
from shared.contracts.agents import Agent
from shared.store.client import Store

COLLECTION: Final = "agents"
INDEXES: Final = (one_per_workflow(COLLECTION),)


class MongoAgents(OnePerWorkflow[Agent]):
    """Implements AgentRepository."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, COLLECTION, Agent)
