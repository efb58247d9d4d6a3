import { expect, test } from 'vitest';
import { freeWorkflowName } from '@/home/workflow-name';

const named = (...names: string[]) => names.map((name) => ({ name }));

test('a free name stays', () => {
  expect(freeWorkflowName('New workflow', named('Other', 'New workflow 2'))).toBe('New workflow');
});

test('a taken name gets the next free number, in any case', () => {
  expect(freeWorkflowName('New workflow', named('new workflow'))).toBe('New workflow 2');
  expect(freeWorkflowName('Approval', named('Approval', 'Approval 2', 'Approval 4'))).toBe('Approval 3');
});
