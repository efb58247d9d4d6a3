import { describe, expect, it } from 'vitest';
import { limitsOf, limitsOfReplay, STRICT } from '@/replays/limits';

describe('limits of a replay', () => {
  it('are strict and call no model by default', () => {
    expect(limitsOf(STRICT)).toEqual({
      maxDifferent: 0,
      maxUnrecorded: 0,
      maxFailed: 0,
      models: { mode: 'recorded' },
    });
  });

  it('have a budget if models are called', () => {
    const texts = { ...STRICT, maxFailed: '3', callsModels: true, maxDollars: '2.5', maxCalls: '7' };
    expect(limitsOf(texts)).toEqual({
      maxDifferent: 0,
      maxUnrecorded: 0,
      maxFailed: 3,
      models: { mode: 'live', maxDollars: 2.5, maxCalls: 7 },
    });
  });

  it('are the same when the replay is repeated', () => {
    const thresholds = { maxDifferent: 1, maxUnrecorded: 2, maxFailed: 3 };
    const live = { mode: 'live' as const, maxDollars: 2, maxCalls: 9 };
    expect(limitsOfReplay({ thresholds, models: { ...live, calls: 4 } })).toEqual({ ...thresholds, models: live });
    const recorded = { mode: 'recorded' as const, maxDollars: null, maxCalls: null, calls: 0 };
    expect(limitsOfReplay({ thresholds, models: recorded })).toEqual({ ...thresholds, models: { mode: 'recorded' } });
  });
});
