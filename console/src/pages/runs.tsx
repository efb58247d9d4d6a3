import { Activity } from 'lucide-react';
import { useMemo } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useDeadLetters } from '@/api/dead-letters';
import type { LogRow } from '@/api/logs';
import { type RunFilter, useRuns } from '@/api/runs';
import { useWorkflows } from '@/api/workflows';
import { cost, duration, formatAgo, formatTimestamp } from '@/app/format';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { DeadLetterNotice } from '@/runs/dead-letter-notice';
import { callerOf, STATUS_LABELS, TRIGGER_LABELS } from '@/runs/labels';
import { QueueSummary } from '@/runs/queue-summary';
import { StatusBadge } from '@/runs/status-badge';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Select } from '@/ui/field';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { Tip } from '@/ui/tip';
import styles from './runs.module.css';

const STATUSES = [['', 'Any status'], ...Object.entries(STATUS_LABELS)] as const;

const TRIGGERS = [['', 'Any caller'], ...Object.entries(TRIGGER_LABELS)] as const;

const SPANS = [
  ['', 'Any time'],
  ['1', 'Last hour'],
  ['24', 'Last 24 hours'],
  ['168', 'Last 7 days'],
] as const;

/** Page with the runs of the workspace. */
export function RunsPage() {
  useTitle('Runs');
  const [chosen, setChosen] = useSearchParams();
  const workflows = useWorkflows();
  const choose = (name: string, value: string) =>
    setChosen(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  const hours = chosen.get('hours') ?? '';
  const filter: RunFilter = {
    workflowIds: chosen.get('workflow') ?? undefined,
    status: chosen.get('status') ?? undefined,
    triggers: chosen.get('trigger') ?? undefined,
    hours: SPANS.some(([span]) => span === hours) ? hours : undefined,
  };
  const names = useMemo(() => new Map(workflows.data?.map((row) => [row.id, row.name])), [workflows.data]);
  const pick = (label: string, name: string, options: readonly (readonly [string, string])[]) => (
    <Select aria-label={label} value={chosen.get(name) ?? ''} onChange={(event) => choose(name, event.target.value)}>
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </Select>
  );
  const all = (workflows.data ?? []).map((row) => [row.id, row.name] as const);
  return (
    <Page title="Runs" about="Every call of your workflows, newest first." actions={<QueueSummary />}>
      <div className={styles.filters}>
        {pick('Workflow', 'workflow', [['', 'All workflows'], ...all])}
        {pick('Status', 'status', STATUSES)}
        {pick('Caller', 'trigger', TRIGGERS)}
        {pick('Time', 'hours', SPANS)}
      </div>
      <Runs filter={filter} names={names} filtered={[...chosen.keys()].length > 0} />
    </Page>
  );
}

interface RunsProps {
  filter: RunFilter;
  names: ReadonlyMap<string, string>;
  filtered: boolean;
}

function Runs({ filter, names, filtered }: RunsProps) {
  const runs = useRuns(filter);
  const letters = useDeadLetters();
  if (runs.isPending || letters.isLoading) return <Skeleton rows={8} />;
  if (runs.isLoadingError) return <LoadError error={runs.error} onRetry={runs.refetch} />;
  const rows = runs.data.pages.flatMap((page) => page.data);
  return (
    <>
      <DeadLetterNotice />
      {rows.length ? <RunTable rows={rows} names={names} /> : <NoRuns filtered={filtered} hasMore={runs.hasNextPage} />}
      {runs.hasNextPage && (
        <Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
          Show older runs
        </Button>
      )}
    </>
  );
}

function NoRuns({ filtered, hasMore }: { filtered: boolean; hasMore: boolean }) {
  if (hasMore) {
    return (
      <Empty icon={<Activity size={22} aria-hidden />} title="No matching runs so far">
        Show older runs to continue the search.
      </Empty>
    );
  }
  return (
    <Empty icon={<Activity size={22} aria-hidden />} title={filtered ? 'No matching runs' : 'No runs yet'}>
      {filtered ? 'Try different filters.' : 'Call a deployed workflow to see its runs here.'}
    </Empty>
  );
}

function RunTable({ rows, names }: { rows: readonly LogRow[]; names: RunsProps['names'] }) {
  return (
    <TableFrame label="Runs">
      <table className={classNames(table.table, table.stack)}>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Status</th>
            <th scope="col">Caller</th>
            <th scope="col">Started</th>
            <th scope="col" className={table.number}>
              Duration
            </th>
            <th scope="col" className={table.number}>
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} run={row} name={names.get(row.workflowId)} />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Row({ run, name }: { run: LogRow; name: string | undefined }) {
  return (
    <tr>
      <td>
        <div className={styles.run}>
          <Link href={`/runs/${run.workflowId}/${run.executionId}`} className={styles.link}>
            {name ?? 'Deleted workflow'}
          </Link>
          <code className={styles.id}>{run.executionId}</code>
        </div>
      </td>
      <td>
        <StatusBadge status={run.status} />
      </td>
      <td className={table.quiet}>{callerOf(run)}</td>
      <td className={table.quiet}>
        <Tip text={formatTimestamp(run.startedAt)}>
          <time dateTime={run.startedAt}>{formatAgo(run.startedAt)}</time>
        </Tip>
      </td>
      <td className={table.number}>{run.totalDurationMs === null ? '–' : duration(run.totalDurationMs)}</td>
      <td className={classNames(table.number, !run.cost?.total && table.none)}>
        {run.cost?.total ? cost(run.cost.total) : '–'}
      </td>
    </tr>
  );
}
