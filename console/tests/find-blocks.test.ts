import { expect, test } from 'vitest';
import type { BlockType, Catalog } from '@/workflow/catalog';
import { findBlocks } from '@/workflow/find-blocks';
import { readState, type WorkflowState } from '@/workflow/state';

const api = { type: 'api', title: 'HTTP request', settings: [{ id: 'token', password: true }] };
const CATALOG: Catalog = new Map([['api', api as BlockType]]);

function setting(id: string, value: string) {
  return { [id]: { id, type: 'code', value } };
}

const STATE = readState({
  blocks: {
    first: { id: 'first', type: 'function', name: 'Add tax', subBlocks: setting('code', 'return orders\n  .sum();') },
    second: { id: 'second', type: 'api', name: 'Load orders', subBlocks: setting('token', 'sk-1') },
  },
} as unknown as WorkflowState);

const find = (search: string) => findBlocks(STATE, CATALOG, search).map(({ block, found }) => [block.name, found]);

test('finds blocks by name before those that contain the text in a setting', () => {
  expect(find('orders')).toEqual([
    ['Load orders', undefined],
    ['Add tax', 'return orders .sum();'],
  ]);
});

test('finds blocks by the title of their type', () => {
  expect(find('http')).toEqual([['Load orders', undefined]]);
});

test('does not search secrets', () => {
  expect(find('sk-1')).toEqual([]);
});

test('returns all blocks for an empty search', () => {
  expect(find(' ')).toHaveLength(2);
});
