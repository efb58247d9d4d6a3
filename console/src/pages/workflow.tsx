import { ReactFlowProvider } from '@xyflow/react';
import { SearchX } from 'lucide-react';
import { Link } from 'wouter';
import { useWorkflows } from '@/api/workflows';
import { PageSkeleton } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { useDraft } from '@/canvas/use-draft';
import { Editor } from '@/editor/editor';
import { Empty, Failure } from '@/ui/states';

export function WorkflowPage({ id }: { id: string }) {
  const workflows = useWorkflows();
  const draft = useDraft(id);
  const workflow = workflows.data?.find((row) => row.id === id);
  useTitle(workflow?.name);
  if (workflows.isLoadingError) return <Failure error={workflows.error} onRetry={workflows.refetch} />;
  if (workflows.data && !workflow && !workflows.isFetching) {
    return (
      <Empty icon={<SearchX size={22} aria-hidden />} title="There is no such workflow">
        It may have been deleted. <Link href="/">All workflows</Link>
      </Empty>
    );
  }
  if (draft.error) return <Failure error={draft.error} onRetry={draft.reload} />;
  if (!workflow || !draft.saver) return <PageSkeleton />;
  return (
    <ReactFlowProvider key={draft.serial}>
      <Editor workflow={workflow} saver={draft.saver} onReload={draft.reload} />
    </ReactFlowProvider>
  );
}
