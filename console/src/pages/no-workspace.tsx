import { DoorClosed } from 'lucide-react';
import { useSignOut } from '@/api/session';
import { useTitle } from '@/app/use-title';
import { Button } from '@/ui/button';
import { Empty } from '@/ui/states';
import styles from './sign-in.module.css';

/** For who is signed in and a member of no workspace any more. */
export function NoWorkspacePage() {
  useTitle('No workspace');
  const signOut = useSignOut();
  return (
    <main className={styles.page}>
      <Empty icon={<DoorClosed size={22} aria-hidden />} title="You are in no workspace">
        Somebody who administers one can invite you.
      </Empty>
      <Button busy={signOut.isPending} onClick={() => signOut.mutate()}>
        Sign out
      </Button>
    </main>
  );
}
