import type { AuditRow } from '@/api/audit';
import { count } from '@/app/format';
import type { Json } from '@/workflow/state';

/** Current names of workflows and members by id. */
export type Names = ReadonlyMap<string, string>;

/** Audit action: its name in the filter, and a phrase that follows the actor's name. */
interface AuditAction {
  name: string;
  describe: (row: AuditRow, names: Names) => string;
}

type AuditActions = Record<string, AuditAction>;

const WORKFLOWS: AuditActions = {
  'workflow.created': { name: 'Created a workflow', describe: (row) => `created ${row.targetName}` },
  'workflow.imported': { name: 'Imported a workflow', describe: (row) => `imported ${row.targetName}` },
  'workflow.updated': { name: 'Renamed or described a workflow', describe: renamedWorkflow },
  'workflow.draft_saved': {
    name: 'Edited a draft',
    describe: (row, names) => `edited the draft of ${workflowName(row, names)}`,
  },
  'workflow.deployed': {
    name: 'Deployed a workflow',
    describe: (row) => `deployed ${row.targetName} as ${versionName(row)}`,
  },
  'workflow.promoted': {
    name: 'Promoted a version',
    describe: (row) => `promoted ${versionName(row)} of ${row.targetName}`,
  },
  'workflow.gate_overridden': {
    name: 'Overrode a gate',
    describe: (row) => `deployed ${versionName(row)} of ${row.targetName} although its replay does not permit it`,
  },
  'workflow.undeployed': { name: 'Undeployed a workflow', describe: (row) => `undeployed ${row.targetName}` },
  'workflow.access_changed': { name: 'Changed API access', describe: changedAccess },
  'workflow.version_loaded': {
    name: 'Loaded a version',
    describe: (row, names) => `loaded ${versionName(row)} of ${workflowName(row, names)} into the draft`,
  },
  'workflow.version_updated': {
    name: 'Renamed or described a version',
    describe: (row, names) => `renamed or described ${row.targetName} of ${workflowName(row, names)}`,
  },
  'workflow.deleted': { name: 'Deleted a workflow', describe: (row) => `deleted ${row.targetName}` },
  'workflow.restored': { name: 'Restored a workflow', describe: (row) => `restored ${row.targetName}` },
  'workflow.erased': {
    name: 'Erased a workflow',
    describe: (row, names) => `erased ${workflowName(row, names)} and all its data`,
  },
};

const CHANNELS: AuditActions = {
  'chat.created': { name: 'Published a chat', describe: (row) => `published the chat ${row.targetName}` },
  'chat.changed': { name: 'Changed a chat', describe: (row) => `changed the chat ${row.targetName}` },
  'chat.deleted': { name: 'Deleted a chat', describe: (row) => `deleted the chat ${row.targetName}` },
  'agent.created': { name: 'Created an agent', describe: (row) => `created the agent ${row.targetName}` },
  'agent.changed': { name: 'Changed an agent', describe: (row) => `changed the agent ${row.targetName}` },
  'agent.deleted': { name: 'Deleted an agent', describe: (row) => `deleted the agent ${row.targetName}` },
  'mcp_server.created': {
    name: 'Created an MCP server',
    describe: (row) => `created the MCP server ${row.targetName}`,
  },
  'mcp_server.changed': {
    name: 'Changed an MCP server',
    describe: (row) => `changed the MCP server ${row.targetName}`,
  },
  'mcp_server.deleted': {
    name: 'Deleted an MCP server',
    describe: (row) => `deleted the MCP server ${row.targetName}`,
  },
};

const SECRETS: AuditActions = {
  'api_key.created': { name: 'Created a key', describe: (row) => `created the key ${row.targetName}` },
  'api_key.renamed': {
    name: 'Renamed a key',
    describe: ({ before, targetName }) => `renamed the key ${text(before?.name)} to ${targetName}`,
  },
  'api_key.limited': {
    name: "Changed a key's rate limit",
    describe: ({ after, targetName }) =>
      typeof after?.rateLimit === 'number'
        ? `limited the key ${targetName} to ${count(after.rateLimit, 'call')} per minute`
        : `removed the rate limit of the key ${targetName}`,
  },
  'api_key.rotated': { name: 'Rotated a key', describe: (row) => `rotated the key ${row.targetName}` },
  'api_key.revoked': { name: 'Revoked a key', describe: (row) => `revoked the key ${row.targetName}` },
  'environment.set': { name: 'Set a secret', describe: (row) => `set ${secretName(row)}` },
  'environment.deleted': { name: 'Deleted a secret', describe: (row) => `deleted ${secretName(row)}` },
  'callback_secret.read': { name: 'Viewed the callback secret', describe: () => 'viewed the callback signing secret' },
};

const MEMBERS_AND_SESSIONS: AuditActions = {
  'session.signed_in': { name: 'Signed in', describe: () => 'signed in' },
  'session.signed_out': { name: 'Signed out', describe: () => 'signed out' },
  'session.password_changed': { name: 'Changed their password', describe: () => 'changed their password' },
  'member.invited': {
    name: 'Invited a member',
    describe: (row) => `invited ${row.targetName || 'anyone with the link'} as ${role(row.after)}`,
  },
  'member.invitation_withdrawn': { name: 'Revoked an invitation', describe: () => 'revoked an invitation' },
  'member.joined': { name: 'Joined the workspace', describe: ({ after }) => `joined the workspace as ${role(after)}` },
  'member.role_changed': {
    name: 'Changed a role',
    describe: ({ targetId, before, after }, names) =>
      `changed the role of ${names.get(targetId) ?? 'a member'} from ${role(before)} to ${role(after)}`,
  },
  'member.removed': {
    name: 'Removed a member',
    describe: ({ targetId, actor }, names) =>
      targetId === actor.id ? 'left the workspace' : `removed ${names.get(targetId) ?? 'a member'}`,
  },
  'workspace.created': { name: 'Created the workspace', describe: (row) => `created the workspace ${row.targetName}` },
  'workspace.updated': { name: 'Changed the workspace', describe: changedWorkspace },
  'workspace.erased': { name: 'Erased the workspace', describe: (row) => `erased the workspace ${row.targetName}` },
};

const WEBHOOKS_AND_RUNS: AuditActions = {
  'webhook.created': { name: 'Created a webhook', describe: (row) => `created a webhook to ${row.targetName}` },
  'webhook.updated': { name: 'Changed a webhook', describe: (row) => `changed the webhook to ${row.targetName}` },
  'webhook.deleted': { name: 'Deleted a webhook', describe: (row) => `deleted the webhook to ${row.targetName}` },
  'webhook.tested': {
    name: 'Tested a webhook',
    describe: ({ targetName, after }) =>
      `sent a test event to ${targetName}, which ${after?.success ? 'succeeded' : 'failed'}`,
  },
  'recording.read': { name: 'Read a recorded run', describe: (row) => `read the recording of run ${row.targetId}` },
  'recording.replayed': { name: 'Replayed a recorded run', describe: (row) => `replayed run ${row.targetId}` },
  'recording.deleted': { name: 'Deleted recorded runs', describe: () => 'deleted recorded runs' },
  'replay.created': { name: 'Replayed recorded runs', describe: () => 'replayed recorded runs' },
  'replay.read': { name: 'Read results of a replay', describe: () => 'read the results of a replay' },
  'replay.canceled': { name: 'Canceled a replay', describe: () => 'canceled a replay' },
  'run.redriven': { name: 'Redrove a run', describe: () => 'redrove a failed run' },
  'run.repaired': { name: 'Repaired a run', describe: () => 'repaired a failed run' },
  'runs.repaired': { name: 'Repaired runs', describe: () => 'repaired failed runs' },
  'dead_letter.redriven': { name: 'Redrove a dead letter', describe: () => 'redrove a dead letter' },
  'dead_letter.discarded': { name: 'Deleted a dead letter', describe: () => 'deleted a dead letter' },
};

/** All audit actions, grouped by subject. */
export const AUDIT_ACTIONS: readonly (readonly [string, AuditActions])[] = [
  ['Workflows', WORKFLOWS],
  ['Chats, agents and MCP servers', CHANNELS],
  ['Keys and secrets', SECRETS],
  ['Members and sessions', MEMBERS_AND_SESSIONS],
  ['Webhooks and failed runs', WEBHOOKS_AND_RUNS],
];

const KNOWN: AuditActions = Object.assign({}, ...AUDIT_ACTIONS.map(([, actions]) => actions));

/** Return the phrase that follows the actor's name, or null for an unknown action. */
export function describeAction(row: AuditRow, names: Names): string | null {
  return KNOWN[row.action]?.describe(row, names) ?? null;
}

/** Return the display name of the actor. */
export function actorOf({ actor }: AuditRow): string {
  const name = actor.name || actor.id || 'Unknown user';
  return actor.kind === 'key' ? `API key of ${name}` : name;
}

function workflowName({ targetId }: AuditRow, names: Names): string {
  return names.get(targetId) ?? 'a deleted workflow';
}

function versionName({ after }: AuditRow): string {
  return after?.version === 'active' ? 'the live version' : `version ${text(after?.version)}`;
}

function renamedWorkflow({ targetName, before, after }: AuditRow): string {
  if (before?.name !== after?.name) return `renamed ${text(before?.name)} to ${targetName}`;
  return before?.description === after?.description ? `changed ${targetName}` : `described ${targetName}`;
}

function changedAccess({ targetName, before, after }: AuditRow): string {
  if (before && JSON.stringify(before.recording) !== JSON.stringify(after?.recording)) {
    return `changed which runs of ${targetName} are recorded`;
  }
  if (!before || before.isPublicApi === after?.isPublicApi) return `changed the access to ${targetName}`;
  return after?.isPublicApi ? `made ${targetName} public` : `restricted ${targetName} to API keys`;
}

function changedWorkspace({ targetName, before, after }: AuditRow): string {
  if (before?.name !== after?.name) return `renamed the workspace ${text(before?.name)} to ${targetName}`;
  if (after?.allow_personal_keys === undefined) return 'changed the workspace';
  return after.allow_personal_keys ? 'allowed personal keys' : 'disallowed personal keys';
}

function secretName({ targetId, targetName }: AuditRow): string {
  return targetId.startsWith('user:') ? `their own secret ${targetName}` : `the secret ${targetName}`;
}

const ROLES: Record<string, string> = { read: 'reader', write: 'editor', admin: 'admin' };

function role(facts: AuditRow['before']): string {
  return ROLES[text(facts?.role)] ?? text(facts?.role);
}

function text(value: Json | undefined): string {
  return String(value ?? '?');
}
