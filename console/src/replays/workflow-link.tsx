import { Link } from 'wouter';
import { useWorkflows } from '@/api/workflows';

/** Link to the workflow of a page. */
export function WorkflowLink({ id }: { id: string }) {
  const name = useWorkflows().data?.find((row) => row.id === id)?.name;
  return <Link href={`/workflows/${id}`}>{name ?? 'Workflow'}</Link>;
}
