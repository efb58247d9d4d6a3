import type { Replay, ReplayLimits } from '@/api/replays';

/** Limits of a replay as they are typed. */
export interface LimitTexts {
  maxDifferent: string;
  maxUnrecorded: string;
  maxFailed: string;
  callsModels: boolean;
  maxDollars: string;
  maxCalls: string;
}

export const STRICT: LimitTexts = {
  maxDifferent: '0',
  maxUnrecorded: '0',
  maxFailed: '0',
  callsModels: false,
  maxDollars: '1',
  maxCalls: '100',
};

/** Return the limits that a form has. */
export function limitsOf(texts: LimitTexts): ReplayLimits {
  return {
    maxDifferent: Number(texts.maxDifferent),
    maxUnrecorded: Number(texts.maxUnrecorded),
    maxFailed: Number(texts.maxFailed),
    models: texts.callsModels
      ? { mode: 'live', maxDollars: Number(texts.maxDollars), maxCalls: Number(texts.maxCalls) }
      : { mode: 'recorded' },
  };
}

/** Return the limits with which a replay was started. */
export function limitsOfReplay({ thresholds, models }: Pick<Replay, 'thresholds' | 'models'>): ReplayLimits {
  const { mode, maxDollars, maxCalls } = models;
  const isLive = mode === 'live' && maxDollars !== null && maxCalls !== null;
  return { ...thresholds, models: isLive ? { mode, maxDollars, maxCalls } : { mode: 'recorded' } };
}
