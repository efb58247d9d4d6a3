import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { type KeyKind, type KeyRow, useKeys } from '@/api/keys';
import { can, useSignedIn } from '@/api/session';
import { useWorkflows } from '@/api/workflows';
import { NewKeyDialog } from '@/deploy/new-key-dialog';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Empty, Failure, Skeleton } from '@/ui/states';
import { KeyTableRow } from './key-table-row';
import { RotateKeyDialog } from './rotate-key-dialog';
import { Section } from './section';

export function KeysSection() {
  const { workspace } = useSignedIn();
  const [making, setMaking] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  const shared = useKeys('workspace', isAdmin);
  const own = useKeys('personal');
  const workflows = useWorkflows();
  const create = (
    <Button look="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setMaking(true)}>
      Create key
    </Button>
  );
  return (
    <>
      {isAdmin && (
        <Section title="Workspace keys" about="For programs. They work in this workspace only." action={create}>
          <Keys kind="workspace" keys={shared} />
        </Section>
      )}
      {/* Below a table, and so not before one knows how long that is. */}
      {!shared.isLoading && !workflows.isPending && (
        <Section
          title="Your keys"
          about="They work wherever you may, as long as you may."
          action={isAdmin ? undefined : create}
        >
          <Keys kind="personal" keys={own} />
        </Section>
      )}
      {making && <NewKeyDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function Keys({ kind, keys }: { kind: KeyKind; keys: ReturnType<typeof useKeys> }) {
  const workflows = useWorkflows();
  const [rotated, setRotated] = useState<KeyRow | null>(null);
  if (keys.isPending || workflows.isPending) return <Skeleton rows={2} />;
  if (keys.isLoadingError) return <Failure error={keys.error} onRetry={keys.refetch} />;
  const names = new Map(workflows.data?.map(({ id, name }) => [id, name]));
  if (!keys.data.length) return <Empty icon={<KeyRound size={22} aria-hidden />} title="No keys yet" />;
  return (
    <>
      <ActionTable label="Key table" columns={['Name', 'May', 'Created', 'Last used']}>
        {keys.data.map((key) => (
          <KeyTableRow
            key={key.id}
            row={key}
            kind={kind}
            names={names}
            isReplaced={isReplaced(key, keys.data)}
            onRotate={() => setRotated(key)}
          />
        ))}
      </ActionTable>
      {/* Not in its row: that goes with the old key, and this shows the new one. */}
      {rotated && <RotateKeyDialog row={rotated} kind={kind} onClose={() => setRotated(null)} />}
    </>
  );
}

/** Whether another key was put in its place: that has its name, and this one an end. */
function isReplaced(key: KeyRow, keys: readonly KeyRow[]): boolean {
  return key.expiresAt !== null && keys.some(({ name, createdAt }) => name === key.name && createdAt > key.createdAt);
}
