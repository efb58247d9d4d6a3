import { expect, test } from 'vitest';
import { addableTypes, type BlockType, type Catalog } from '@/workflow/catalog';
import { readState } from '@/workflow/state';

const CATALOG = new Map(
  [
    ['start_trigger', 'trigger'],
    ['starter', 'trigger'],
    ['schedule', 'trigger'],
    ['generic_webhook', 'trigger'],
    ['agent', 'block'],
  ].map(([type, category]) => [type, { type, category } as BlockType]),
) as Catalog;

function types(...present: string[]): string[] {
  const blocks = Object.fromEntries(
    present.map((type) => [type, { id: type, type, name: type, position: { x: 0, y: 0 }, subBlocks: {} }]),
  );
  return addableTypes(CATALOG, readState({ blocks } as never)).map(({ type }) => type);
}

test('an empty workflow can add the start block, but no outdated start and no schedule', () => {
  expect(types()).toEqual(['start_trigger', 'agent']);
});

test.each(['start_trigger', 'starter'])('a workflow with a %s block cannot add another start', (start) => {
  expect(types(start, 'agent')).toEqual(['agent']);
});

test.each(['schedule', 'generic_webhook'])('an imported %s trigger does not count as a start', (trigger) => {
  expect(types(trigger)).toEqual(['start_trigger', 'agent']);
});
