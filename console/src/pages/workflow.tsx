import { ReactFlowProvider } from '@xyflow/react';
import { SearchX } from 'lucide-react';
import { Link } from 'wouter';
import { enterWorkspace, useSignedIn } from '@/api/session';
import { useWorkflows, useWorkspaceOf } from '@/api/workflows';
import { PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { useDraft } from '@/canvas/use-draft';
import { Editor } from '@/editor/editor';
import { Button } from '@/ui/button';
import { Empty, Failure } from '@/ui/states';
import { WrittenForms } from '@/ui/written';

export function WorkflowPage({ id }: { id: string }) {
  return (
    <WrittenForms>
      <Workflow id={id} />
    </WrittenForms>
  );
}

function Workflow({ id }: { id: string }) {
  const workflows = useWorkflows();
  const draft = useDraft(id);
  const workflow = workflows.data?.find((row) => row.id === id);
  useTitle(workflow?.name);
  if (workflows.isLoadingError) return <Failure error={workflows.error} onRetry={workflows.refetch} />;
  if (workflows.data && !workflow && !workflows.isFetching) {
    return <NotHere id={id} />;
  }
  if (draft.error) return <Failure error={draft.error} onRetry={draft.reload} />;
  if (!workflow || !draft.saver) return <PageSkeleton />;
  return (
    <ReactFlowProvider>
      <Editor workflow={workflow} saver={draft.saver} onReload={draft.reload} />
    </ReactFlowProvider>
  );
}

/** Says where a workflow is that a link leads to and this workspace does not have. */
function NotHere({ id }: { id: string }) {
  const { workspaces } = useSignedIn();
  const home = useWorkspaceOf(id);
  const workspace = workspaces.find((each) => each.id === home.data);
  if (home.isPending) return <PageSkeleton />;
  if (!workspace) {
    return (
      <Empty icon={<SearchX size={22} aria-hidden />} title="There is no such workflow">
        It may have been deleted. <Link href="/">All workflows</Link>
      </Empty>
    );
  }
  return (
    <Empty icon={<SearchX size={22} aria-hidden />} title={`This workflow is in ${workspace.name}`}>
      <Button onClick={() => enterWorkspace(workspace.id, `/workflows/${id}`)}>Go there</Button>
    </Empty>
  );
}
