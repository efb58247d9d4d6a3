import { ReactFlowProvider } from '@xyflow/react';
import { SearchX } from 'lucide-react';
import { Link } from 'wouter';
import { useBlockTypes } from '@/api/catalog';
import { switchWorkspace, useSignedIn } from '@/api/session';
import { useWorkflows, useWorkspaceOf } from '@/api/workflows';
import { PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { useDraft } from '@/canvas/use-draft';
import { Editor } from '@/editor/editor';
import { Button } from '@/ui/button';
import { FormDrafts } from '@/ui/form-drafts';
import { Empty, LoadError } from '@/ui/states';

export function WorkflowPage({ id }: { id: string }) {
  return (
    <FormDrafts>
      <Workflow id={id} />
    </FormDrafts>
  );
}

function Workflow({ id }: { id: string }) {
  const workflows = useWorkflows();
  const draft = useDraft(id);
  const blockTypes = useBlockTypes();
  const workflow = workflows.data?.find((row) => row.id === id);
  useTitle(workflow?.name);
  if (workflows.isLoadingError) return <LoadError error={workflows.error} onRetry={workflows.refetch} />;
  if (workflows.data && !workflow && !workflows.isFetching) {
    return <WrongWorkspace id={id} />;
  }
  if (draft.error) return <LoadError error={draft.error} onRetry={draft.reload} />;
  if (blockTypes.isLoadingError) return <LoadError error={blockTypes.error} onRetry={blockTypes.refetch} />;
  // The editor needs the block types: a block could not be added or shown with its settings.
  if (!workflow || !draft.saver || !blockTypes.data) return <PageSkeleton />;
  return (
    <ReactFlowProvider>
      <Editor workflow={workflow} saver={draft.saver} onReload={draft.reload} />
    </ReactFlowProvider>
  );
}

/** Message for a workflow that is not in the current workspace. Offers the one it is in. */
function WrongWorkspace({ id }: { id: string }) {
  const { workspaces } = useSignedIn();
  const home = useWorkspaceOf(id);
  const workspace = workspaces.find((each) => each.id === home.data);
  if (home.isPending) return <PageSkeleton />;
  if (!workspace) {
    return (
      <Empty icon={<SearchX size={22} aria-hidden />} title="Workflow not found">
        It may have been deleted. <Link href="/">View all workflows</Link>
      </Empty>
    );
  }
  return (
    <Empty icon={<SearchX size={22} aria-hidden />} title={`This workflow is in ${workspace.name}`}>
      <Button onClick={() => switchWorkspace(workspace.id, `/workflows/${id}`)}>Switch workspace</Button>
    </Empty>
  );
}
