import { Check, ChevronsUpDown, Plus } from 'lucide-react';
import { useState } from 'react';
import { enterWorkspace, useMakeWorkspace, useSignedIn } from '@/api/session';
import { Field, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { Menu, MenuItem, MenuLine } from '@/ui/menu';
import { Logo } from './logo';
import styles from './shell.module.css';

/** Which workspace is looked at, and the way to another. */
export function WorkspaceMenu() {
  const { workspace, workspaces } = useSignedIn();
  const [making, setMaking] = useState(false);
  return (
    <>
      <Menu
        align="start"
        trigger={
          <button type="button" className={styles.brand} aria-label={`Workspace ${workspace.name}`}>
            <Logo />
            <span className={styles.wide}>{workspace.name}</span>
            <ChevronsUpDown className={styles.turn} size={14} aria-hidden />
          </button>
        }
      >
        {workspaces.map(({ id, name }) => (
          <MenuItem
            key={id}
            icon={<Check size={15} aria-hidden visibility={id === workspace.id ? 'visible' : 'hidden'} />}
            onSelect={() => enterWorkspace(id)}
          >
            {name}
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={<Plus size={15} aria-hidden />} onSelect={() => setMaking(true)}>
          New workspace
        </MenuItem>
      </Menu>
      {making && <NewWorkspaceDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function NewWorkspaceDialog({ onClose }: { onClose: () => void }) {
  const make = useMakeWorkspace();
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="New workspace"
      description="With workflows, keys, secrets and members of its own. You are its admin."
      action="Create"
      disabled={!name.trim()}
      busy={make.isPending}
      error={make.error}
      onSubmit={() => make.mutate(name.trim(), { onSuccess: ({ workspace }) => enterWorkspace(workspace.id) })}
      onClose={onClose}
    >
      <Field label="Name">
        {(control) => (
          <TextInput
            {...control}
            autoFocus
            maxLength={100}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
    </FormDialog>
  );
}
