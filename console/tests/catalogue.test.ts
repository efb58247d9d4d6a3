import { expect, test } from 'vitest';
import { type BlockType, type Catalogue, offered } from '@/workflow/catalogue';
import { readState } from '@/workflow/state';

const CATALOGUE = new Map(
  ['start_trigger', 'starter', 'agent'].map((type) => [type, { type } as BlockType]),
) as Catalogue;

function types(...present: string[]): string[] {
  const blocks = Object.fromEntries(
    present.map((type) => [type, { id: type, type, name: type, position: { x: 0, y: 0 }, subBlocks: {} }]),
  );
  return offered(CATALOGUE, readState({ blocks } as never)).map(({ type }) => type);
}

test('an empty workflow is offered a start, but no outdated one', () => {
  expect(types()).toEqual(['start_trigger', 'agent']);
});

test.each(['start_trigger', 'starter'])('a workflow with a %s is not offered another start', (start) => {
  expect(types(start, 'agent')).toEqual(['agent']);
});
