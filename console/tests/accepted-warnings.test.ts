import { expect, test } from 'vitest';
import { acceptedNames, warningKey } from '@/workflow/accepted-warnings';

const model = { name: 'unknown_model:Agent 1', message: 'Unknown model gpt-5x' };
const color = { name: 'unknown_setting:Agent 1', message: 'Unknown setting color' };
const size = { name: 'unknown_setting:Agent 1', message: 'Unknown setting size' };

test('a deploy names the accepted warnings', () => {
  expect(acceptedNames([model, color], [warningKey(model)])).toEqual(['unknown_model:Agent 1']);
});

test('a name is accepted only if all warnings that share it are', () => {
  expect(acceptedNames([color, size], [warningKey(color)])).toEqual([]);
  expect(acceptedNames([color, size], [warningKey(color), warningKey(size)])).toEqual(['unknown_setting:Agent 1']);
});
