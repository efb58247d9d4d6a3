import { FileDown, Plus, Workflow } from 'lucide-react';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { messageOf } from '@/api/errors';
import { can, useSignedIn } from '@/api/session';
import { useWorkflowActivity } from '@/api/statistics';
import { useImportWorkflow, useWorkflows } from '@/api/workflows';
import { count, formatDate } from '@/app/format';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { type Activity, activityByWorkflow } from '@/home/activity';
import { DeletedWorkflows } from '@/home/deleted-workflows';
import { DropZone } from '@/home/drop-zone';
import { TemplateGallery } from '@/home/template-gallery';
import { WorkflowTable } from '@/home/workflow-table';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { Empty, InlineError, LoadError, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useNow } from '@/ui/use-now';

const SEARCH_FROM = 6;
const NONE: ReadonlyMap<string, Activity> = new Map();

export function HomePage() {
  useTitle('Workflows');
  const { workspace } = useSignedIn();
  const workflows = useWorkflows();
  const [search, setSearch] = useState('');
  const importing = useImport();
  const canWrite = can(workspace.role, 'write');
  const total = workflows.data?.length ?? 0;
  return (
    <DropZone onFiles={canWrite ? importing.take : () => undefined}>
      <Page
        title="Workflows"
        help="workflows"
        about={workflows.data ? `${count(total, 'workflow')} in ${workspace.name}` : '\u00a0'}
        actions={canWrite && <Actions importing={importing} />}
      >
        {importing.problems.map((problem) => (
          <InlineError key={problem} error={problem} />
        ))}
        {total >= SEARCH_FROM && (
          <TextInput
            type="search"
            aria-label="Search workflows"
            placeholder="Search workflows"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
        <Workflows search={search} />
        {workflows.data && can(workspace.role, 'admin') && <DeletedWorkflows />}
      </Page>
    </DropZone>
  );
}

function Workflows({ search }: { search: string }) {
  const canWrite = can(useSignedIn().workspace.role, 'write');
  const workflows = useWorkflows();
  const statistics = useWorkflowActivity();
  const activity = useMemo(() => (statistics.data ? activityByWorkflow(statistics.data) : NONE), [statistics.data]);
  useNow();
  const word = useDeferredValue(search.trim().toLowerCase());
  if (workflows.isPending) return <Skeleton rows={5} height="3.6rem" />;
  if (workflows.isLoadingError) return <LoadError error={workflows.error} onRetry={workflows.refetch} />;
  if (!workflows.data.length) {
    return (
      <>
        <Empty icon={<Workflow size={22} aria-hidden />} title="No workflows yet">
          {canWrite
            ? 'Create a workflow, or drop an exported workflow file anywhere on this page.'
            : 'Workflows that members of this workspace create appear here.'}
        </Empty>
        {canWrite && <TemplateGallery />}
      </>
    );
  }
  const found = workflows.data.filter((workflow) =>
    `${workflow.name} ${workflow.description}`.toLowerCase().includes(word),
  );
  if (!found.length) return <Empty title={`No workflows match “${search}”`} />;
  const since = statistics.data?.countedFrom;
  return (
    <>
      <WorkflowTable workflows={[...found].reverse()} activity={activity} />
      {/* Below the table, to avoid a layout shift. */}
      {since && (
        <p className={form.hint} role="note">
          Calls before {formatDate(since)} are not counted.
        </p>
      )}
    </>
  );
}

function Actions({ importing }: { importing: ReturnType<typeof useImport> }) {
  const [isCreating, setCreating] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".json,.yaml,.yml,application/json,application/yaml"
        multiple
        hidden
        onChange={(event) => {
          importing.take([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
      <Button icon={<FileDown size={16} aria-hidden />} busy={importing.busy} onClick={() => input.current?.click()}>
        Import
      </Button>
      <Button variant="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
        New workflow
      </Button>
      <Dialog title="New workflow" size="m" help="first-workflow" open={isCreating} onClose={() => setCreating(false)}>
        <TemplateGallery />
      </Dialog>
    </>
  );
}

/** Import files one by one and collect the errors. A single imported workflow is opened. */
function useImport() {
  const [, navigate] = useLocation();
  const { notify } = useToasts();
  const mutation = useImportWorkflow();
  const [problems, setProblems] = useState<string[]>([]);
  const take = async (files: File[]) => {
    setProblems([]);
    for (const file of files) {
      try {
        const { data } = await mutation.mutateAsync(file);
        notify(`Imported ${data.name}.`);
        if (files.length === 1) navigate(`/workflows/${data.id}`);
      } catch (error) {
        setProblems((before) => [...before, `${file.name}: ${messageOf(error)}`]);
      }
    }
  };
  return { take: (files: File[]) => void take(files), busy: mutation.isPending, problems };
}
