import { FileDown, Plus, Workflow } from 'lucide-react';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { messageOf } from '@/api/errors';
import { type RecentRuns, useRecentRuns } from '@/api/logs';
import { can, useSignedIn } from '@/api/session';
import { useCreateWorkflow, useImportWorkflow, useWorkflows } from '@/api/workflows';
import { count, moment } from '@/app/format';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { activityByWorkflow, countedSince } from '@/home/activity';
import { DropZone } from '@/home/drop-zone';
import { WorkflowTable } from '@/home/workflow-table';
import { Button } from '@/ui/button';
import { TextInput } from '@/ui/field';
import form from '@/ui/form.module.css';
import { Empty, Failure, Problem, Skeleton } from '@/ui/states';
import { useToasts } from '@/ui/toasts';
import { useNow } from '@/ui/use-now';

const SEARCH_FROM = 6;
const NONE: RecentRuns = { rows: [], areAll: true };

export function HomePage() {
  useTitle('Workflows');
  const { workspace } = useSignedIn();
  const workflows = useWorkflows();
  const [wanted, setWanted] = useState('');
  const importing = useImporting();
  const mayWrite = can(workspace.role, 'write');
  const total = workflows.data?.length ?? 0;
  return (
    <DropZone onFiles={mayWrite ? importing.take : () => undefined}>
      <Page
        title="Workflows"
        about={workflows.data ? `${count(total, 'workflow')} in ${workspace.name}` : '\u00a0'}
        actions={mayWrite && <Actions importing={importing} />}
      >
        {importing.problems.map((problem) => (
          <Problem key={problem} error={problem} />
        ))}
        {total >= SEARCH_FROM && (
          <TextInput
            type="search"
            aria-label="Search workflows"
            placeholder="Search workflows"
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
          />
        )}
        <Workflows wanted={wanted} />
      </Page>
    </DropZone>
  );
}

function Workflows({ wanted }: { wanted: string }) {
  const workflows = useWorkflows();
  const recent = useRecentRuns();
  const now = useNow();
  const activity = useMemo(() => activityByWorkflow(recent.data ?? NONE, now), [recent.data, now]);
  const word = useDeferredValue(wanted.trim().toLowerCase());
  if (workflows.isPending) return <Skeleton rows={5} height="3.6rem" />;
  if (workflows.isLoadingError) return <Failure error={workflows.error} onRetry={workflows.refetch} />;
  if (!workflows.data.length) {
    return (
      <Empty icon={<Workflow size={22} aria-hidden />} title="No workflows yet">
        Create one, or drop an exported workflow file anywhere on this page.
      </Empty>
    );
  }
  const found = workflows.data.filter((workflow) =>
    `${workflow.name} ${workflow.description}`.toLowerCase().includes(word),
  );
  if (!found.length) return <Empty title={`No workflow matches “${wanted}”`} />;
  const since = countedSince(recent.data ?? NONE);
  return (
    <>
      <WorkflowTable workflows={[...found].reverse()} activity={activity} areAll={since === null} />
      {/* Below the table, which it would push down. */}
      {since && (
        <p className={form.hint} role="note">
          {count(recent.data?.rows.length ?? 0, 'run')} since {moment(since)} are counted here. Earlier ones of the last
          24 hours are not.
        </p>
      )}
    </>
  );
}

function Actions({ importing }: { importing: ReturnType<typeof useImporting> }) {
  const [, navigate] = useLocation();
  const { fail } = useToasts();
  const create = useCreateWorkflow();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".json,application/json"
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
      <Button
        look="primary"
        icon={<Plus size={16} aria-hidden />}
        busy={create.isPending}
        onClick={() =>
          create.mutate('New workflow', {
            onSuccess: (made) => navigate(`/workflows/${made.id}`),
            onError: fail,
          })
        }
      >
        New workflow
      </Button>
    </>
  );
}

/** Imports files one after the other, and tells of each that is none; a single one is opened. */
function useImporting() {
  const [, navigate] = useLocation();
  const { say } = useToasts();
  const mutation = useImportWorkflow();
  const [problems, setProblems] = useState<string[]>([]);
  const take = async (files: File[]) => {
    setProblems([]);
    for (const file of files) {
      try {
        const { data } = await mutation.mutateAsync(file);
        say(`${data.name} is imported.`);
        if (files.length === 1) navigate(`/workflows/${data.id}`);
      } catch (error) {
        setProblems((before) => [...before, `${file.name}: ${messageOf(error)}`]);
      }
    }
  };
  return { take: (files: File[]) => void take(files), busy: mutation.isPending, problems };
}
