export function RunPage({ workflowId, runId }: { workflowId: string; runId: string }) {
  return <p>{workflowId} {runId}</p>;
}
