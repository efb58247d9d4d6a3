import { useMemo, useRef } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useDeadLetters } from '@/api/dead-letters';
import type { LogRow } from '@/api/logs';
import { useIsSearchCut, useRuns } from '@/api/runs';
import { useWorkflows } from '@/api/workflows';
import { cost, duration, formatAgo, formatTimestamp } from '@/app/format';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { runHref } from '@/runs/addresses';
import { DeadLetterNotice } from '@/runs/dead-letter-notice';
import { FilterBar } from '@/runs/filter-bar';
import { filtersOf, type RunFilters, withFilters } from '@/runs/filters';
import { callerOf } from '@/runs/labels';
import { LivePaused, useScrolledPast } from '@/runs/live';
import { NoRuns } from '@/runs/no-runs';
import { Overview } from '@/runs/overview';
import { QueueSummary } from '@/runs/queue-summary';
import { StatusBadge } from '@/runs/status-badge';
import { Button } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { followRow } from '@/ui/follow-row';
import form from '@/ui/form.module.css';
import { Badge, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { Tip } from '@/ui/tip';
import styles from './runs.module.css';

type Names = ReadonlyMap<string, string>;

/** Page with the runs of the workspace. */
export function RunsPage() {
  useTitle('Runs');
  const [search, setSearch] = useSearchParams();
  const filters = useMemo(() => filtersOf(search), [search]);
  const change = (changes: RunFilters) => setSearch((before) => withFilters(before, changes), { replace: true });
  const isLive = search.get('live') !== 'off';
  const listTop = useRef<HTMLDivElement>(null);
  const isScrolled = useScrolledPast(listTop);
  const isUpdating = isLive && !isScrolled;
  const setLive = (isOn: boolean) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (isOn) next.delete('live');
        else next.set('live', 'off');
        return next;
      },
      { replace: true },
    );
  return (
    <Page title="Runs" about="Every call of your workflows, newest first." actions={<QueueSummary />} help="runs">
      <Overview filters={filters} isLive={isUpdating} onSelect={change} />
      <FilterBar
        filters={filters}
        onChange={change}
        live={!isLive ? 'off' : isScrolled ? 'paused' : 'on'}
        onLive={setLive}
      />
      <div className={styles.list}>
        <div ref={listTop} className={styles.top} aria-hidden />
        <Runs filters={filters} isUpdating={isUpdating} onChange={change} />
      </div>
      {isLive && isScrolled && <LivePaused />}
    </Page>
  );
}

interface RunsProps {
  filters: RunFilters;
  isUpdating: boolean;
  onChange: (changes: RunFilters) => void;
}

function Runs({ filters, isUpdating, onChange }: RunsProps) {
  const runs = useRuns(filters, isUpdating);
  const isCut = useIsSearchCut(filters);
  const letters = useDeadLetters();
  const workflows = useWorkflows();
  const names = useMemo(() => new Map(workflows.data?.map((row) => [row.id, row.name])), [workflows.data]);
  if (runs.isPending || letters.isLoading) return <Skeleton rows={8} />;
  if (runs.isLoadingError) return <LoadError error={runs.error} onRetry={runs.refetch} />;
  const rows = runs.data.pages.flatMap((page) => page.data);
  return (
    <>
      <DeadLetterNotice />
      {rows.length ? (
        <div className={classNames(runs.isPlaceholderData && styles.stale)} aria-busy={runs.isPlaceholderData}>
          <RunTable rows={rows} names={names} />
        </div>
      ) : (
        <NoRuns filters={filters} hasMore={runs.hasNextPage} onChange={onChange} />
      )}
      {isCut && (
        <p className={form.hint} role="note">
          Some runs contain more words than search covers. Search finds them by some of their words, or by their id.
        </p>
      )}
      {runs.hasNextPage && (
        <div>
          <Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
            Show older runs
          </Button>
        </div>
      )}
    </>
  );
}

function RunTable({ rows, names }: { rows: readonly LogRow[]; names: Names }) {
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
    <tr onClick={followRow}>
      <td>
        <div className={styles.run}>
          <span className={styles.name}>
            <Link href={runHref(run)} className={table.link}>
              {name ?? 'Deleted workflow'}
            </Link>
            {run.isDraft && <Badge>Draft</Badge>}
            {run.version && <span className={styles.version}>v{run.version}</span>}
          </span>
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
