import { BookOpen, CircleHelp, KeyRound, LogOut } from 'lucide-react';
import { useState } from 'react';
import { useSignedIn, useSignOut } from '@/api/session';
import { clearClipboard } from '@/editor/clipboard';
import { openHelp, TOPICS } from '@/help/topics';
import { Menu, MenuItem } from '@/ui/menu';
import { PasswordDialog } from './password-dialog';
import styles from './shell.module.css';

/** Menu of the signed-in user. */
export function UserMenu() {
  const { user } = useSignedIn();
  const signOut = useSignOut();
  const [changing, setChanging] = useState(false);
  const leave = () => {
    clearClipboard();
    signOut.mutate();
  };
  const initials = (user.name || user.email).slice(0, 2).toUpperCase();
  return (
    <>
      <Menu
        align="start"
        trigger={
          <button type="button" className={styles.person}>
            <span className={styles.initials} aria-hidden>
              {initials}
            </span>
            <span className={styles.wide}>{user.email}</span>
          </button>
        }
      >
        <MenuItem icon={<KeyRound size={15} aria-hidden />} onSelect={() => setChanging(true)}>
          Change password
        </MenuItem>
        <MenuItem icon={<CircleHelp size={15} aria-hidden />} onSelect={() => openHelp(TOPICS.all)}>
          Help
        </MenuItem>
        <MenuItem icon={<BookOpen size={15} aria-hidden />} onSelect={() => window.open('/docs', '_blank', 'noopener')}>
          API reference
        </MenuItem>
        <MenuItem icon={<LogOut size={15} aria-hidden />} onSelect={leave}>
          Sign out
        </MenuItem>
      </Menu>
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </>
  );
}
