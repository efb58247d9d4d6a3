import type { Role } from '@/api/session';
import type { TopicName } from '@/help/topics';

interface SettingsSection {
  path: string;
  name: string;
  /** Role that the section requires. */
  for: Role;
  help: TopicName;
}

export const SETTINGS_SECTIONS: readonly SettingsSection[] = [
  { path: 'keys', name: 'API keys', for: 'read', help: 'keys' },
  { path: 'members', name: 'Members', for: 'read', help: 'members' },
  { path: 'secrets', name: 'Secrets', for: 'read', help: 'secrets' },
  { path: 'mcp', name: 'MCP servers', for: 'read', help: 'mcp-servers' },
  { path: 'webhooks', name: 'Webhooks', for: 'read', help: 'webhooks' },
  { path: 'limits', name: 'Limits and usage', for: 'read', help: 'limits' },
  { path: 'dead-letters', name: 'Dead letters', for: 'admin', help: 'dead-letters' },
  { path: 'audit', name: 'Audit log', for: 'admin', help: 'audit' },
];
