import { Activity, Moon, Search, Settings, Sun, Workflow } from 'lucide-react';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { HelpLink } from '@/help/help-link';
import type { TopicName } from '@/help/topics';
import { IconButton } from '@/ui/button';
import { classNames } from '@/ui/class-names';
import { Skeleton } from '@/ui/states';
import styles from './shell.module.css';
import { setTheme, useTheme } from './theme';
import { useCommandKey } from './use-command-key';
import { UserMenu } from './user-menu';
import { WorkspaceMenu } from './workspace-menu';

const CommandPalette = lazy(() => import('./command-palette').then((module) => ({ default: module.CommandPalette })));

const NAV_ITEMS = [
  { path: '/', name: 'Workflows', icon: Workflow, owns: /^\/($|workflows\/)/ },
  { path: '/runs', name: 'Runs', icon: Activity, owns: /^\/runs/ },
  { path: '/settings', name: 'Settings', icon: Settings, owns: /^\/settings/ },
];

const CANVAS_PATH = /^\/workflows\/[^/]+$|^\/runs\/.+\/canvas$/;

/** Layout of every page. On the canvas, the navigation shrinks to icons. */
export function Shell({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const narrow = CANVAS_PATH.test(location);
  const [isSearching, setSearching] = useState(false);
  useCommandKey(() => setSearching(true));
  return (
    <div className={classNames(styles.shell, narrow && styles.narrow)}>
      <a className={styles.skip} href="#main">
        Skip to content
      </a>
      <nav className={styles.bar} aria-label="Main">
        <WorkspaceMenu />
        <button
          type="button"
          className={styles.find}
          aria-label="Search"
          aria-keyshortcuts="Control+K Meta+K"
          title="Search (Ctrl K)"
          onClick={() => setSearching(true)}
        >
          <Search size={16} aria-hidden />
          <span className={styles.findText}>Search</span>
        </button>
        <ul className={styles.navItems}>
          {NAV_ITEMS.map(({ path, name, icon: Icon, owns }) => (
            <li key={path}>
              <Link href={path} className={styles.navItem} aria-current={owns.test(location) ? 'page' : undefined}>
                <Icon size={17} aria-hidden />
                <span className={styles.name}>{name}</span>
              </Link>
            </li>
          ))}
        </ul>
        <div className={styles.foot}>
          <ThemeButton />
          <UserMenu />
        </div>
      </nav>
      <main id="main" className={styles.main} tabIndex={-1}>
        {children}
      </main>
      {isSearching && (
        <Suspense>
          <CommandPalette onClose={() => setSearching(false)} />
        </Suspense>
      )}
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div className={styles.waiting}>
      <Skeleton rows={6} />
    </div>
  );
}

interface PageProps {
  title: ReactNode;
  about?: ReactNode;
  actions?: ReactNode;
  /** Topic of the documentation about the page. */
  help: TopicName;
  children: ReactNode;
}

/** Standard page: title, actions and content. */
export function Page({ title, about, actions, help, children }: PageProps) {
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.titles}>
          <h1>{title}</h1>
          {about && <div className={styles.about}>{about}</div>}
        </div>
        <div className={styles.actions}>
          {actions}
          <HelpLink topic={help} />
        </div>
      </header>
      {children}
    </div>
  );
}

function ThemeButton() {
  const dark = useTheme() === 'dark';
  return (
    <IconButton label={dark ? 'Light theme' : 'Dark theme'} onClick={() => setTheme(dark ? 'light' : 'dark')}>
      {dark ? <Sun size={17} aria-hidden /> : <Moon size={17} aria-hidden />}
    </IconButton>
  );
}
