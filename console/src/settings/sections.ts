import type { Role } from '@/api/session';

interface SettingsSection {
  path: string;
  name: string;
  /** Role that the section requires. */
  for: Role;
}

export const SETTINGS_SECTIONS: readonly SettingsSection[] = [
  { path: 'keys', name: 'API keys', for: 'read' },
  { path: 'members', name: 'Members', for: 'read' },
  { path: 'secrets', name: 'Secrets', for: 'read' },
  { path: 'mcp', name: 'MCP servers', for: 'read' },
  { path: 'webhooks', name: 'Webhooks', for: 'read' },
  { path: 'limits', name: 'Limits and usage', for: 'read' },
  { path: 'dead-letters', name: 'Dead letters', for: 'admin' },
  { path: 'audit', name: 'Audit log', for: 'admin' },
];
