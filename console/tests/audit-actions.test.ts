import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AuditRow } from '@/api/audit';
import { AUDIT_ACTIONS, actorOf, describeAction } from '@/settings/audit-actions';

const GATEWAY = '../services/gateway/src/gateway';
const PUBLISHED = /audited_as = "([a-z_]+)"/g;
const RECORDED = /\w+\(\s*[\w.]+,\s*"([a-z_]+\.[a-z_]+)"/g;
const NAMES = new Map([
  ['W1', 'Summarize'],
  ['U2', 'Bob'],
]);

function row(action: string, more: Partial<AuditRow> = {}): AuditRow {
  const actor = { id: 'U1', name: 'Ann', kind: 'user' };
  return {
    id: 'A1',
    at: '',
    actor,
    action,
    targetId: 'W1',
    targetName: 'Summarize',
    before: null,
    after: null,
    ...more,
  };
}

test.each<[string, Partial<AuditRow>, string]>([
  ['workflow.promoted', { before: { version: 4 }, after: { version: 3 } }, 'promoted version 3 of Summarize'],
  ['workflow.deployed', { after: { version: 4 } }, 'deployed Summarize as version 4'],
  ['workflow.draft_saved', { targetName: '' }, 'edited the draft of Summarize'],
  ['workflow.draft_saved', { targetName: '', targetId: 'W9' }, 'edited the draft of a deleted workflow'],
  ['workflow.version_loaded', { after: { version: 'active' } }, 'loaded the live version of Summarize into the draft'],
  ['workflow.version_updated', { targetName: 'version 2' }, 'renamed or described version 2 of Summarize'],
  ['workflow.updated', { before: { name: 'Sum' }, after: { name: 'Summarize' } }, 'renamed Sum to Summarize'],
  ['workflow.updated', { before: { description: '' }, after: { description: 'Short' } }, 'described Summarize'],
  [
    'workflow.access_changed',
    { before: { isPublicApi: false }, after: { isPublicApi: true } },
    'made Summarize public',
  ],
  [
    'member.role_changed',
    { targetId: 'U2', before: { role: 'read' }, after: { role: 'admin' } },
    'changed the role of Bob from reader to admin',
  ],
  ['member.removed', { targetId: 'U1' }, 'left the workspace'],
  ['member.removed', { targetId: 'U2' }, 'removed Bob'],
  ['member.invited', { targetName: '', after: { role: 'write' } }, 'invited anyone with the link as editor'],
  ['api_key.limited', { targetName: 'ci', after: { rateLimit: 60 } }, 'limited the key ci to 60 calls per minute'],
  ['api_key.limited', { targetName: 'ci', after: { rateLimit: null } }, 'removed the rate limit of the key ci'],
  ['environment.set', { targetId: 'user:U1', targetName: 'TOKEN' }, 'set their own secret TOKEN'],
  [
    'workspace.updated',
    { before: { allow_personal_keys: true }, after: { allow_personal_keys: false } },
    'disallowed personal keys',
  ],
])('%s is described with its changes: %o', (action, more, expected) => {
  expect(describeAction(row(action, more), NAMES)).toBe(expected);
});

test('an action of a key is attributed to the key', () => {
  expect(actorOf(row('workflow.deployed', { actor: { id: 'K1', name: 'Ann', kind: 'key' } }))).toBe('API key of Ann');
});

test('an unknown action has no description', () => {
  expect(describeAction(row('tea.made'), NAMES)).toBeNull();
});

test('every action that the gateway records has a description', () => {
  const code = readdirSync(GATEWAY, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.py'))
    .map((file) => readFileSync(`${GATEWAY}/${file}`, 'utf8'));
  const recorded = new Set(code.flatMap((text) => [...text.matchAll(RECORDED)].map((found) => found[1])));
  for (const [, kind] of code.flatMap((text) => [...text.matchAll(PUBLISHED)]))
    for (const action of ['created', 'changed', 'deleted']) recorded.add(`${kind}.${action}`);
  const known = new Set(AUDIT_ACTIONS.flatMap(([, actions]) => Object.keys(actions)));
  expect(recorded).toEqual(known);
});
