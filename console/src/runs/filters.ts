import type { LogFilter } from '@/api/logs';
import { cost, duration, formatTimeRange } from '@/app/format';
import { STATUS_LABELS, TRIGGER_LABELS } from './labels';

/** Periods by their length in hours. Without one, runs of any time are listed. */
export const PERIODS: Record<string, string> = {
  '1': 'Last hour',
  '24': 'Last 24 hours',
  '168': 'Last 7 days',
  '720': 'Last 30 days',
};

const MINUTE_MS = 60_000;
/** Length of the intervals of the overview, by period. */
const INTERVALS: Record<string, number> = {
  '1': 2 * MINUTE_MS,
  '24': 30 * MINUTE_MS,
  '168': 240 * MINUTE_MS,
  '720': 1440 * MINUTE_MS,
};

/** Period of the overview while runs of any time are listed. */
const LONGEST_PERIOD = '720';
const HOUR_MS = 3_600_000;

/** Filter value for runs of drafts. */
export const DRAFT_VERSION = 'draft';

const NAMES = [
  'q',
  'workflow',
  'version',
  'status',
  'trigger',
  'minDurationMs',
  'maxDurationMs',
  'minCost',
  'maxCost',
  'hours',
  'from',
  'to',
] as const;

type FilterName = (typeof NAMES)[number];

/** Filters of runs, as in the address of the Runs page. */
export type RunFilters = Partial<Record<FilterName, string>>;

const isNumber = (text: string) => Number(text) >= 0;
const isTime = (text: string) => !Number.isNaN(Date.parse(text));

const VALID: Partial<Record<FilterName, (text: string) => boolean>> = {
  q: (text) => text.trim() !== '',
  status: (text) => text in STATUS_LABELS,
  minDurationMs: isNumber,
  maxDurationMs: isNumber,
  minCost: isNumber,
  maxCost: isNumber,
  hours: (text) => text in PERIODS,
  from: isTime,
  to: isTime,
};

/** Return the filters of an address, without invalid ones. */
export function filtersOf(search: URLSearchParams): RunFilters {
  const found: RunFilters = {};
  for (const name of NAMES) {
    const text = search.get(name);
    if (text && (VALID[name]?.(text) ?? true)) found[name] = text;
  }
  if (!found.workflow && found.version !== DRAFT_VERSION) delete found.version;
  if (!found.from || !found.to) {
    delete found.from;
    delete found.to;
  }
  return found;
}

/** Return the address parameters with changed filters. An empty text removes a filter. */
export function withFilters(search: URLSearchParams, changes: RunFilters): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const [name, text] of Object.entries(changes)) {
    if (text) next.set(name, text);
    else next.delete(name);
  }
  if ('workflow' in changes && next.get('version') !== DRAFT_VERSION) next.delete('version');
  return next;
}

/** Return the query parameters of the runs that match: those of the selected range, or else of the period. */
export function listQuery(filters: RunFilters, now: number): LogFilter {
  const { q, workflow, version, status, trigger, minDurationMs, maxDurationMs, minCost, maxCost } = filters;
  const since = filters.hours && new Date(now - Number(filters.hours) * HOUR_MS).toISOString();
  return {
    q: q?.trim(),
    workflowIds: workflow,
    ...(version === DRAFT_VERSION ? { draft: 'true' } : { versions: version }),
    status,
    triggers: trigger,
    minDurationMs,
    maxDurationMs,
    minCost,
    maxCost,
    startDate: filters.from ?? since,
    endDate: filters.to,
  };
}

/** Return the query parameters of the statistics of the runs that match from one time to another. */
export function statisticsQuery(filters: RunFilters, from: string, to: string): LogFilter {
  const { startDate: _start, endDate: _end, ...rest } = listQuery(filters, 0);
  return { ...rest, from, to };
}

interface Period {
  from: string;
  to: string;
  label: string;
  /** Length of its intervals, in milliseconds. */
  interval: number;
}

/** Return the period of the overview. It does not depend on the range that is selected within it. */
export function overviewPeriod({ hours = LONGEST_PERIOD }: RunFilters, now: number): Period {
  const from = new Date(now - Number(hours) * HOUR_MS).toISOString();
  return {
    from,
    to: new Date(now).toISOString(),
    label: PERIODS[hours] as string,
    interval: INTERVALS[hours] as number,
  };
}

export interface Chip {
  /** Filters that the chip removes. */
  names: readonly FilterName[];
  label: string;
}

/** Names to show in chips for ids. */
interface ChipNames {
  workflow?: string;
  version?: string;
}

/** Return a label for each active filter. */
export function chipsOf(filters: RunFilters, names: ChipNames): Chip[] {
  const { q, workflow, version, status, trigger, hours, from, to } = filters;
  const chips: (Chip | false | undefined | '')[] = [
    q && { names: ['q'], label: `Search: ${q.trim()}` },
    workflow && { names: ['workflow', 'version'], label: `Workflow: ${names.workflow ?? workflow}` },
    version && { names: ['version'], label: `Version: ${versionLabel(version, names)}` },
    status && { names: ['status'], label: `Status: ${STATUS_LABELS[status as keyof typeof STATUS_LABELS]}` },
    trigger && { names: ['trigger'], label: `Caller: ${TRIGGER_LABELS[trigger] ?? trigger}` },
    rangeChip('Duration', ['minDurationMs', 'maxDurationMs'], filters, duration),
    rangeChip('Cost', ['minCost', 'maxCost'], filters, cost),
    from && to && { names: ['from', 'to'], label: `Time: ${formatTimeRange(from, to)}` },
    hours && !from && { names: ['hours'], label: `Time: ${PERIODS[hours]}` },
  ];
  return chips.filter((chip): chip is Chip => Boolean(chip));
}

function versionLabel(version: string, names: ChipNames): string {
  return version === DRAFT_VERSION ? 'Draft' : (names.version ?? `v${version}`);
}

function rangeChip(
  title: string,
  [least, most]: readonly [FilterName, FilterName],
  filters: RunFilters,
  format: (number: number) => string,
): Chip | undefined {
  const from = filters[least];
  const to = filters[most];
  const names = [least, most];
  if (from && to) return { names, label: `${title}: ${format(Number(from))} to ${format(Number(to))}` };
  if (from) return { names, label: `${title}: at least ${format(Number(from))}` };
  return to ? { names, label: `${title}: at most ${format(Number(to))}` } : undefined;
}

/** Return the filters without those of a chip. */
export function without(filters: RunFilters, { names }: Chip): RunFilters {
  return Object.fromEntries(Object.entries(filters).filter(([name]) => !names.includes(name as FilterName)));
}
