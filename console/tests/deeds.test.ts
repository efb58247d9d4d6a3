import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AuditRow } from '@/api/audit';
import { actorOf, DEEDS, deedOf } from '@/settings/deeds';

const GATEWAY = '../services/gateway/src/gateway';
const WRITTEN_DOWN = /(?:record|_note|_settled)\(\s*[\w.]+,\s*"([a-z_.]+)"/g;
const NAMES = new Map([
  ['W1', 'Summarise'],
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
    targetName: 'Summarise',
    before: null,
    after: null,
    ...more,
  };
}

test.each<[string, Partial<AuditRow>, string]>([
  ['workflow.promoted', { before: { version: 4 }, after: { version: 3 } }, 'promoted version 3 of Summarise'],
  ['workflow.deployed', { after: { version: 4 } }, 'deployed Summarise as version 4'],
  ['workflow.draft_saved', { targetName: '' }, 'edited the draft of Summarise'],
  [
    'workflow.draft_saved',
    { targetName: '', targetId: 'W9' },
    'edited the draft of a workflow that is not here any more',
  ],
  ['workflow.version_loaded', { after: { version: 'active' } }, 'loaded the live version of Summarise into the draft'],
  ['workflow.version_updated', { targetName: 'version 2' }, 'renamed or described version 2 of Summarise'],
  ['workflow.updated', { before: { name: 'Sum' }, after: { name: 'Summarise' } }, 'renamed Sum to Summarise'],
  ['workflow.updated', { before: { description: '' }, after: { description: 'Short' } }, 'described Summarise'],
  [
    'workflow.access_changed',
    { before: { isPublicApi: false }, after: { isPublicApi: true } },
    'let everybody call Summarise',
  ],
  [
    'member.role_changed',
    { targetId: 'U2', before: { role: 'read' }, after: { role: 'admin' } },
    'made Bob an admin, before a reader',
  ],
  ['member.removed', { targetId: 'U1' }, 'left the workspace'],
  ['member.removed', { targetId: 'U2' }, 'removed Bob'],
  ['member.invited', { targetName: '', after: { role: 'write' } }, 'invited whoever has the link as an editor'],
  ['api_key.limited', { targetName: 'ci', after: { rateLimit: 60 } }, 'limited the key ci to 60 calls a minute'],
  ['api_key.limited', { targetName: 'ci', after: { rateLimit: null } }, 'lifted the limit of the key ci'],
  ['environment.set', { targetId: 'user:U1', targetName: 'TOKEN' }, 'set their own secret TOKEN'],
  [
    'workspace.updated',
    { before: { allow_personal_keys: true }, after: { allow_personal_keys: false } },
    'shut personal keys out',
  ],
])('%s is told with what changed: %o', (action, more, told) => {
  expect(deedOf(row(action, more), NAMES)).toBe(told);
});

test('what a key does is not said to be done by who made it', () => {
  expect(actorOf(row('workflow.deployed', { actor: { id: 'K1', name: 'Ann', kind: 'key' } }))).toBe('A key of Ann');
});

test('a deed that is not known has no words', () => {
  expect(deedOf(row('tea.made'), NAMES)).toBeNull();
});

test('every deed that the gateway writes down has words', () => {
  const code = readdirSync(GATEWAY, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.py'))
    .map((file) => readFileSync(`${GATEWAY}/${file}`, 'utf8'));
  const written = new Set(code.flatMap((text) => [...text.matchAll(WRITTEN_DOWN)].map((found) => found[1])));
  const known = new Set(DEEDS.flatMap(([, deeds]) => Object.keys(deeds)));
  expect(written).toEqual(known);
});
