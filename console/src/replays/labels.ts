import type { Replay, ReplayResult, Verdict } from '@/api/replays';

export const REPLAY_STATUS = {
  running: ['Running', 'blue'],
  passed: ['Passed', 'green'],
  refused: ['Did not pass', 'red'],
  canceled: ['Canceled', 'quiet'],
} as const satisfies Record<Replay['status'], readonly [string, string]>;

export const VERDICT = {
  same: ['Same', 'green'],
  different: ['Different', 'red'],
  unrecorded: ['Unrecorded call', 'amber'],
  failed: ['Failed', 'red'],
  skipped: ['Skipped', 'quiet'],
} as const satisfies Record<Verdict, readonly [string, string]>;

export const VERDICTS = Object.keys(VERDICT) as Verdict[];

/** Return the name of the content that was replayed. */
export function targetName({ target }: Pick<Replay, 'target'>): string {
  return target.draft || target.version === null ? 'Draft' : `v${target.version}`;
}

/** Return the first block that behaves differently. */
export function firstBlock(result: ReplayResult): ReplayResult['firstDifference'] {
  return result.firstDifference ?? result.unrecordedCall ?? null;
}

/** Return why a run is not the same. */
export function reasonOf(result: ReplayResult): string {
  return (
    firstBlock(result)?.reason ?? result.reason ?? result.error ?? (result.output?.length ? 'The output differs' : '')
  );
}

/** Return the patterns of a text with one pattern per line. */
export function patternsOf(text: string): string[] {
  return [...new Set(text.split('\n').map((line) => line.trim()))].filter(Boolean);
}
