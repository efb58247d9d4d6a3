import { DoorClosed } from 'lucide-react';
import { useSignOut } from '@/api/session';
import { useTitle } from '@/app/use-title';
import { Button } from '@/ui/button';
import { Empty } from '@/ui/states';
import styles from './sign-in.module.css';

/** Page for users who are no longer a member of any workspace. */
export function NoWorkspacePage() {
  useTitle('No workspace');
  const signOut = useSignOut();
  return (
    <main className={styles.page}>
      <Empty icon={<DoorClosed size={22} aria-hidden />} title="You are not in a workspace">
        Ask a workspace admin to invite you.
      </Empty>
      <Button busy={signOut.isPending} onClick={() => signOut.mutate()}>
        Sign out
      </Button>
    </main>
  );
}
