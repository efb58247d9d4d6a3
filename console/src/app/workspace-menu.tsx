import { Check, ChevronsUpDown, Plus } from 'lucide-react';
import { useState } from 'react';
import { switchWorkspace, useCreateWorkspace, useSignedIn } from '@/api/session';
import { Field, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu';
import { Logo } from './logo';
import styles from './shell.module.css';

/** Menu that shows and switches the current workspace. */
export function WorkspaceMenu() {
  const { workspace, workspaces } = useSignedIn();
  const [isCreating, setCreating] = useState(false);
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
            onSelect={() => switchWorkspace(id)}
          >
            {name}
          </MenuItem>
        ))}
        <MenuSeparator />
        <MenuItem icon={<Plus size={15} aria-hidden />} onSelect={() => setCreating(true)}>
          New workspace
        </MenuItem>
      </Menu>
      {isCreating && <NewWorkspaceDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function NewWorkspaceDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateWorkspace();
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="New workspace"
      description="A workspace has its own workflows, keys, secrets and members. You will be its admin."
      action="Create"
      disabled={!name.trim()}
      busy={create.isPending}
      error={create.error}
      onSubmit={() => create.mutate(name.trim(), { onSuccess: ({ workspace }) => switchWorkspace(workspace.id) })}
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
