"""Workflows for authors: edit, deploy, describe."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from gateway.api_page import docs_page_router
from gateway.bootstrap.callers import Callers
from gateway.bootstrap.outside import Outside
from gateway.catalog.block_types import block_types_router
from gateway.catalog.conversions import conversions_router
from gateway.catalog.models import models_router
from gateway.catalog.workflow_schema import workflow_schema_router
from gateway.runs.application.run_counts import RunCounts
from gateway.settings import GatewaySettings
from gateway.sim.authoring import authoring_router
from gateway.sim.changes import changes_router
from gateway.sim.interface import interface_router
from gateway.sim.versions import deployment_router, versions_router
from gateway.v1.workflows import deployments_router
from gateway.v1.workflows import workflows_router as v1_workflows_router
from gateway.v2.workflows import workflows_router as v2_workflows_router
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.application.drafts import DraftService
from gateway.workflows.application.endpoints import Interfaces
from shared.workflow.catalog import installed_catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowServices:
    """Services that change workflows and describe live ones."""

    drafts: DraftService
    deployments: DeploymentService
    interfaces: Interfaces


def build_workflow_services(outside: Outside, callers: Callers) -> WorkflowServices:
    """Build them over deploy-service."""
    deploy, endpoints, audit = outside.deploy, callers.endpoints, callers.audit
    return WorkflowServices(
        drafts=DraftService(deploy, endpoints, audit, outside.clock),
        deployments=DeploymentService(
            deploy,
            endpoints,
            audit,
            callers.revocations.settle,
            recordings=outside.recordings,
            replays=outside.replays,
            plans=callers.plans,
        ),
        interfaces=Interfaces(endpoints, deploy, installed_catalog(), outside.clock),
    )


def workflow_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, workflows: WorkflowServices
) -> Sequence[APIRouter]:
    """Return the routers of every API generation."""
    deploy, access = outside.deploy, callers.legacy
    drafts, deployments, run_counts = workflows.drafts, workflows.deployments, RunCounts(outside.jobs)
    return (
        v1_workflows_router(callers.v1, deploy, drafts, run_counts),
        deployments_router(callers.v1, deployments),
        v2_workflows_router(callers.v2, deploy, drafts, deployments, run_counts),
        deployment_router(access, deploy, deployments),
        versions_router(access, deploy, drafts, deployments),
        changes_router(access, deploy),
        interface_router(access, workflows.interfaces, public_url=settings.base_url),
        docs_page_router(),
        authoring_router(access, deploy, drafts, deployments, run_counts),
        block_types_router(access, installed_catalog()),
        models_router(access, deploy, outside.clock),
        workflow_schema_router(installed_catalog()),
        conversions_router(access, deploy, drafts),
    )
