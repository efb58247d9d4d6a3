import { expect, test } from 'vitest';
import { sampleInput } from '@/editor/input-form';
import { readState } from '@/workflow/state';

const FIELDS = [{ name: 'guests', type: 'number', value: '2' }];
const START = {
  id: 'start',
  type: 'start_trigger',
  name: 'Start',
  position: { x: 0, y: 0 },
  subBlocks: { inputFormat: { id: 'inputFormat', type: 'input-format', value: FIELDS } },
};
const STATE = readState({ blocks: { start: START } });

test('an input starts with the default values of its fields', () => {
  expect(sampleInput(STATE)).toEqual({ input: '', guests: 2 });
});

test('an input starts with the values of an earlier run, declared or not', () => {
  expect(sampleInput(STATE, { guests: 3, table: 'outside' })).toEqual({ input: '', guests: 3, table: 'outside' });
});

test('an earlier input that is no object is ignored', () => {
  expect(sampleInput(STATE, 'Tea')).toEqual({ input: '', guests: 2 });
});
