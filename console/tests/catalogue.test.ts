import { expect, test } from 'vitest';
import { type BlockType, type Catalogue, offered } from '@/workflow/catalogue';
import { readState } from '@/workflow/state';

const CATALOGUE = new Map(
  [
    ['start_trigger', 'trigger'],
    ['starter', 'trigger'],
    ['schedule', 'trigger'],
    ['generic_webhook', 'trigger'],
    ['agent', 'block'],
  ].map(([type, category]) => [type, { type, category } as BlockType]),
) as Catalogue;

function types(...present: string[]): string[] {
  const blocks = Object.fromEntries(
    present.map((type) => [type, { id: type, type, name: type, position: { x: 0, y: 0 }, subBlocks: {} }]),
  );
  return offered(CATALOGUE, readState({ blocks } as never)).map(({ type }) => type);
}

test('an empty workflow is offered the start that a deployed one begins with, no outdated one and no schedule', () => {
  expect(types()).toEqual(['start_trigger', 'agent']);
});

test.each(['start_trigger', 'starter'])('a workflow with a %s is not offered another start', (start) => {
  expect(types(start, 'agent')).toEqual(['agent']);
});

test.each(['schedule', 'generic_webhook'])('a %s of an imported workflow is no start: it is offered one', (trigger) => {
  expect(types(trigger)).toEqual(['start_trigger', 'agent']);
});
