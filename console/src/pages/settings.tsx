import { Link } from 'wouter';
import { can, type Role, useSignedIn } from '@/api/session';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { AuditSection } from '@/settings/audit';
import { DeadLettersSection } from '@/settings/dead-letters';
import { KeysSection } from '@/settings/keys';
import { LimitsSection } from '@/settings/limits';
import { McpServersSection } from '@/settings/mcp-servers';
import { MembersSection } from '@/settings/members';
import { SecretsSection } from '@/settings/secrets';
import { WebhooksSection } from '@/settings/webhooks';
import { Empty } from '@/ui/states';
import styles from './settings.module.css';

const SECTIONS: { path: string; name: string; for: Role; content: () => React.JSX.Element }[] = [
  { path: 'keys', name: 'API keys', for: 'read', content: KeysSection },
  { path: 'members', name: 'Members', for: 'read', content: MembersSection },
  { path: 'secrets', name: 'Secrets', for: 'read', content: SecretsSection },
  { path: 'mcp', name: 'MCP servers', for: 'read', content: McpServersSection },
  { path: 'webhooks', name: 'Webhooks', for: 'read', content: WebhooksSection },
  { path: 'limits', name: 'Limits and usage', for: 'read', content: LimitsSection },
  { path: 'dead-letters', name: 'Dead letters', for: 'admin', content: DeadLettersSection },
  { path: 'audit', name: 'Audit log', for: 'admin', content: AuditSection },
];

export function SettingsPage({ section }: { section: string }) {
  const { workspace } = useSignedIn();
  const sections = SECTIONS.filter((each) => can(workspace.role, each.for));
  const shown = sections.find((each) => each.path === section);
  useTitle(shown?.name ?? 'Settings');
  return (
    <Page title="Settings" about={workspace.name}>
      <div className={styles.settings}>
        <nav aria-label="Settings" className={styles.nav}>
          {sections.map(({ path, name }) => (
            <Link key={path} href={`/settings/${path}`} aria-current={path === section ? 'page' : undefined}>
              {name}
            </Link>
          ))}
        </nav>
        <div className={styles.content}>
          {shown ? (
            <shown.content />
          ) : (
            <Empty title="Page not found">It does not exist, or you do not have access to it.</Empty>
          )}
        </div>
      </div>
    </Page>
  );
}
