import type { AuditRow } from '@/api/audit';
import { count } from '@/app/format';
import type { Json } from '@/workflow/state';

/** What workflows and people are called now, by id. */
export type Names = ReadonlyMap<string, string>;

/** A kind of deed: as one looks for it, and as the rest of a sentence that begins with who did it. */
interface Deed {
  name: string;
  told: (row: AuditRow, names: Names) => string;
}

type Deeds = Record<string, Deed>;

const WORKFLOWS: Deeds = {
  'workflow.created': { name: 'Created a workflow', told: (row) => `created ${row.targetName}` },
  'workflow.imported': { name: 'Imported a workflow', told: (row) => `imported ${row.targetName}` },
  'workflow.updated': { name: 'Renamed or described a workflow', told: renamedWorkflow },
  'workflow.draft_saved': {
    name: 'Edited a draft',
    told: (row, names) => `edited the draft of ${workflow(row, names)}`,
  },
  'workflow.deployed': { name: 'Deployed', told: (row) => `deployed ${row.targetName} as ${version(row)}` },
  'workflow.promoted': { name: 'Promoted a version', told: (row) => `promoted ${version(row)} of ${row.targetName}` },
  'workflow.undeployed': { name: 'Undeployed', told: (row) => `undeployed ${row.targetName}` },
  'workflow.access_changed': { name: 'Changed who may call', told: changedAccess },
  'workflow.version_loaded': {
    name: 'Loaded a version',
    told: (row, names) => `loaded ${version(row)} of ${workflow(row, names)} into the draft`,
  },
  'workflow.version_updated': {
    name: 'Renamed or described a version',
    told: (row, names) => `renamed or described ${row.targetName} of ${workflow(row, names)}`,
  },
  'workflow.deleted': { name: 'Deleted a workflow', told: (row) => `deleted ${row.targetName}` },
  'workflow.erased': {
    name: 'Erased a workflow',
    told: (row, names) => `erased ${workflow(row, names)} and all that was kept of it`,
  },
};

const CHANNELS: Deeds = {
  'chat.created': { name: 'Published a chat', told: (row) => `published the chat ${row.targetName}` },
  'chat.changed': { name: 'Changed a chat', told: (row) => `changed the chat ${row.targetName}` },
  'chat.deleted': { name: 'Deleted a chat', told: (row) => `deleted the chat ${row.targetName}` },
  'agent.created': { name: 'Created an agent', told: (row) => `created the agent ${row.targetName}` },
  'agent.changed': { name: 'Changed an agent', told: (row) => `changed the agent ${row.targetName}` },
  'agent.deleted': { name: 'Deleted an agent', told: (row) => `deleted the agent ${row.targetName}` },
  'mcp_server.created': { name: 'Created an MCP server', told: (row) => `created the MCP server ${row.targetName}` },
  'mcp_server.changed': { name: 'Changed an MCP server', told: (row) => `changed the MCP server ${row.targetName}` },
  'mcp_server.deleted': { name: 'Deleted an MCP server', told: (row) => `deleted the MCP server ${row.targetName}` },
};

const SECRETS: Deeds = {
  'api_key.created': { name: 'Made a key', told: (row) => `made the key ${row.targetName}` },
  'api_key.renamed': {
    name: 'Renamed a key',
    told: ({ before, targetName }) => `renamed the key ${text(before?.name)} to ${targetName}`,
  },
  'api_key.limited': {
    name: "Changed a key's limit",
    told: ({ after, targetName }) =>
      typeof after?.rateLimit === 'number'
        ? `limited the key ${targetName} to ${count(after.rateLimit, 'call')} a minute`
        : `lifted the limit of the key ${targetName}`,
  },
  'api_key.rotated': { name: 'Rotated a key', told: (row) => `rotated the key ${row.targetName}` },
  'api_key.revoked': { name: 'Revoked a key', told: (row) => `revoked the key ${row.targetName}` },
  'environment.set': { name: 'Set a secret', told: (row) => `set ${secret(row)}` },
  'environment.deleted': { name: 'Deleted a secret', told: (row) => `deleted ${secret(row)}` },
  'callback_secret.read': { name: 'Read the callback secret', told: () => 'read the secret that signs callbacks' },
};

const PEOPLE: Deeds = {
  'session.signed_in': { name: 'Signed in', told: () => 'signed in' },
  'session.signed_out': { name: 'Signed out', told: () => 'signed out' },
  'session.password_changed': { name: 'Changed their password', told: () => 'changed their password' },
  'member.invited': {
    name: 'Invited somebody',
    told: (row) => `invited ${row.targetName || 'whoever has the link'} as ${role(row.after)}`,
  },
  'member.invitation_withdrawn': { name: 'Withdrew an invitation', told: () => 'withdrew an invitation' },
  'member.joined': { name: 'Joined', told: ({ after }) => `joined as ${role(after)}` },
  'member.role_changed': {
    name: 'Changed a role',
    told: ({ targetId, before, after }, names) =>
      `made ${names.get(targetId) ?? 'a member'} ${role(after)}, before ${role(before)}`,
  },
  'member.removed': {
    name: 'Removed a member',
    told: ({ targetId, actor }, names) =>
      targetId === actor.id ? 'left the workspace' : `removed ${names.get(targetId) ?? 'a member'}`,
  },
  'workspace.created': { name: 'Created the workspace', told: (row) => `created the workspace ${row.targetName}` },
  'workspace.updated': { name: 'Changed the workspace', told: changedWorkspace },
  'workspace.erased': { name: 'Erased the workspace', told: (row) => `erased the workspace ${row.targetName}` },
};

const FOLLOW_UPS: Deeds = {
  'webhook.created': { name: 'Created a webhook', told: (row) => `created a webhook to ${row.targetName}` },
  'webhook.updated': { name: 'Changed a webhook', told: (row) => `changed the webhook to ${row.targetName}` },
  'webhook.deleted': { name: 'Deleted a webhook', told: (row) => `deleted the webhook to ${row.targetName}` },
  'run.redriven': { name: 'Redrove a run', told: () => 'ran a failed run again' },
  'dead_letter.redriven': { name: 'Redrove a dead letter', told: () => 'let a dead letter be tried again' },
  'dead_letter.discarded': { name: 'Discarded a dead letter', told: () => 'discarded a dead letter' },
};

/** All kinds, by what they are about. */
export const DEEDS: readonly (readonly [string, Deeds])[] = [
  ['Workflows', WORKFLOWS],
  ['Chats, agents and MCP servers', CHANNELS],
  ['Keys and secrets', SECRETS],
  ['People', PEOPLE],
  ['Webhooks and failed runs', FOLLOW_UPS],
];

const KNOWN: Deeds = Object.assign({}, ...DEEDS.map(([, deeds]) => deeds));

/** What was done, to be read after who did it; null for a kind that is not known here. */
export function deedOf(row: AuditRow, names: Names): string | null {
  return KNOWN[row.action]?.told(row, names) ?? null;
}

/** Who did it. */
export function actorOf({ actor }: AuditRow): string {
  const name = actor.name || actor.id || 'Somebody';
  return actor.kind === 'key' ? `A key of ${name}` : name;
}

function workflow({ targetId }: AuditRow, names: Names): string {
  return names.get(targetId) ?? 'a workflow that is not here any more';
}

function version({ after }: AuditRow): string {
  return after?.version === 'active' ? 'the live version' : `version ${text(after?.version)}`;
}

function renamedWorkflow({ targetName, before, after }: AuditRow): string {
  if (before?.name !== after?.name) return `renamed ${text(before?.name)} to ${targetName}`;
  return before?.description === after?.description ? `changed ${targetName}` : `described ${targetName}`;
}

function changedAccess({ targetName, before, after }: AuditRow): string {
  if (!before || before.isPublicApi === after?.isPublicApi) return `changed the access to ${targetName}`;
  return after?.isPublicApi ? `let everybody call ${targetName}` : `let only who has a key call ${targetName}`;
}

function changedWorkspace({ targetName, before, after }: AuditRow): string {
  if (before?.name !== after?.name) return `renamed the workspace ${text(before?.name)} to ${targetName}`;
  if (after?.allow_personal_keys === undefined) return 'changed the workspace';
  return after.allow_personal_keys ? 'let personal keys in' : 'shut personal keys out';
}

function secret({ targetId, targetName }: AuditRow): string {
  return targetId.startsWith('user:') ? `their own secret ${targetName}` : `the secret ${targetName}`;
}

const ROLES: Record<string, string> = { read: 'a reader', write: 'an editor', admin: 'an admin' };

function role(facts: AuditRow['before']): string {
  return ROLES[text(facts?.role)] ?? text(facts?.role);
}

function text(value: Json | undefined): string {
  return String(value ?? '?');
}
