import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { type KeyKind, type KeyRow, useKeys } from '@/api/keys';
import { can, useSignedIn } from '@/api/session';
import { useWorkflows } from '@/api/workflows';
import { NewKeyDialog } from '@/deploy/new-key-dialog';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import { KeyTableRow } from './key-table-row';
import { RotateKeyDialog } from './rotate-key-dialog';
import { Section } from './section';

export function KeysSection() {
  const { workspace } = useSignedIn();
  const [isCreating, setCreating] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  const shared = useKeys('workspace', isAdmin);
  const own = useKeys('personal');
  const workflows = useWorkflows();
  const create = (
    <Button variant="primary" icon={<Plus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      Create key
    </Button>
  );
  return (
    <>
      {isAdmin && (
        <Section
          title="Workspace keys"
          about="Keys for applications. They work in this workspace only."
          action={create}
        >
          <Keys kind="workspace" keys={shared} />
        </Section>
      )}
      {/* Rendered after the table above has loaded, to avoid a layout shift. */}
      {!shared.isLoading && !workflows.isPending && (
        <Section
          title="Personal keys"
          about="Personal keys have the same access as you, in every workspace you belong to."
          action={isAdmin ? undefined : create}
        >
          <Keys kind="personal" keys={own} />
        </Section>
      )}
      {isCreating && <NewKeyDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function Keys({ kind, keys }: { kind: KeyKind; keys: ReturnType<typeof useKeys> }) {
  const workflows = useWorkflows();
  const [rotated, setRotated] = useState<KeyRow | null>(null);
  if (keys.isPending || workflows.isPending) return <Skeleton rows={2} />;
  if (keys.isLoadingError) return <LoadError error={keys.error} onRetry={keys.refetch} />;
  const names = new Map(workflows.data?.map(({ id, name }) => [id, name]));
  if (!keys.data.length) {
    return (
      <Empty icon={<KeyRound size={22} aria-hidden />} title={`No ${kind} keys`}>
        Create a key to call workflows from your code.
      </Empty>
    );
  }
  return (
    <>
      <ActionTable label="Key table" columns={['Name', 'Permissions', 'Created', 'Last used']}>
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
      {/* Outside the row: the old key's row disappears while the dialog still shows the new key. */}
      {rotated && <RotateKeyDialog row={rotated} kind={kind} onClose={() => setRotated(null)} />}
    </>
  );
}

/** Return whether the key was rotated: it expires, and a newer key has the same name. */
function isReplaced(key: KeyRow, keys: readonly KeyRow[]): boolean {
  return key.expiresAt !== null && keys.some(({ name, createdAt }) => name === key.name && createdAt > key.createdAt);
}
