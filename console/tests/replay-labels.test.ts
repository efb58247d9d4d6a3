import { describe, expect, it } from 'vitest';
import type { ReplayResult } from '@/api/replays';
import { firstBlock, patternsOf, reasonOf, targetName } from '@/replays/labels';

const RESULT = { runId: 'run', verdict: 'different' } as ReplayResult;
const BLOCK = { path: 'a', blockId: 'a', blockName: 'Answer', blockType: 'function', reason: 'The output differs' };

describe('results of a replay', () => {
  it('name the block whose call is not recorded if no other block differs first', () => {
    const call = { ...BLOCK, blockName: 'Ask', reason: 'Other inputs' };
    expect(firstBlock({ ...RESULT, unrecordedCall: call } as ReplayResult)?.blockName).toBe('Ask');
    const both = { ...RESULT, firstDifference: BLOCK, unrecordedCall: call } as ReplayResult;
    expect(firstBlock(both)?.blockName).toBe('Answer');
    expect(reasonOf(both)).toBe('The output differs');
  });

  it('say why a run was skipped', () => {
    expect(reasonOf({ ...RESULT, verdict: 'skipped', reason: 'The recording was deleted' })).toBe(
      'The recording was deleted',
    );
  });
});

it('patterns are read one per line, without repetitions and empty lines', () => {
  expect(patternsOf(' *.now \n\n answer.id\n*.now')).toEqual(['*.now', 'answer.id']);
});

it('a replay is named by its content', () => {
  expect(targetName({ target: { version: null, draft: true, contentHash: '' } })).toBe('Draft');
  expect(targetName({ target: { version: 7, draft: false, contentHash: '' } })).toBe('v7');
});
