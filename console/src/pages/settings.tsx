import { Link } from 'wouter';
import { can, useSignedIn } from '@/api/session';
import { Page } from '@/app/shell';
import { useTitle } from '@/app/use-title';
import { AuditSection } from '@/settings/audit';
import { DeadLettersSection } from '@/settings/dead-letters';
import { KeysSection } from '@/settings/keys';
import { LimitsSection } from '@/settings/limits';
import { McpServersSection } from '@/settings/mcp-servers';
import { MembersSection } from '@/settings/members';
import { SecretsSection } from '@/settings/secrets';
import { SETTINGS_SECTIONS } from '@/settings/sections';
import { WebhooksSection } from '@/settings/webhooks';
import { Empty } from '@/ui/states';
import styles from './settings.module.css';

const CONTENT: Record<string, () => React.JSX.Element> = {
  keys: KeysSection,
  members: MembersSection,
  secrets: SecretsSection,
  mcp: McpServersSection,
  webhooks: WebhooksSection,
  limits: LimitsSection,
  'dead-letters': DeadLettersSection,
  audit: AuditSection,
};

export function SettingsPage({ section }: { section: string }) {
  const { workspace } = useSignedIn();
  const sections = SETTINGS_SECTIONS.filter((each) => can(workspace.role, each.for));
  const shown = sections.find((each) => each.path === section);
  const Content = shown && CONTENT[shown.path];
  useTitle(shown?.name ?? 'Settings');
  return (
    <Page title="Settings" about={workspace.name} help={shown?.help ?? 'all'}>
      <div className={styles.settings}>
        <nav aria-label="Settings" className={styles.nav}>
          {sections.map(({ path, name }) => (
            <Link key={path} href={`/settings/${path}`} aria-current={path === section ? 'page' : undefined}>
              {name}
            </Link>
          ))}
        </nav>
        <div className={styles.content}>
          {Content ? (
            <Content />
          ) : (
            <Empty title="Page not found">It does not exist, or you do not have access to it.</Empty>
          )}
        </div>
      </div>
    </Page>
  );
}
