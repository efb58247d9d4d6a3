const MOMENT = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'short' });
const SECONDS = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'narrow' });
/** Cents, or three significant digits for smaller amounts. */
const COST = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 2,
  maximumSignificantDigits: 3,
  roundingPriority: 'morePrecision',
});

const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

export function formatDate(iso: string | number): string {
  return MOMENT.format(new Date(iso));
}

export function formatTimestamp(iso: string | number): string {
  return SECONDS.format(new Date(iso));
}

/** Format a time range, with a date that both times have in common only once. */
export function formatTimeRange(from: string | number, to: string | number): string {
  return MOMENT.formatRange(new Date(from), new Date(to));
}

/** Format a relative time in the largest unit that fits. */
export function formatAgo(iso: string | number, now = Date.now()): string {
  const passed = new Date(iso).getTime() - now;
  for (const [unit, size] of STEPS) {
    if (Math.abs(passed) >= size) return RELATIVE.format(Math.round(passed / size), unit);
  }
  return 'just now';
}

export function duration(ms: number): string {
  if (ms < 1) return '<1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return minutes(Math.round(ms / 1000));
}

/** Format the elapsed time of a running operation in whole seconds. */
export function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return seconds < 60 ? `${seconds} s` : minutes(seconds);
}

function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function cost(dollars: number): string {
  return COST.format(dollars);
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}
