import { type FormEvent, useId, useState } from 'react';
import { useUpdateWorkflow, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Field, TextArea, TextInput } from '@/ui/field';
import { Problem } from '@/ui/states';

export function RenameDialog({ workflow, onClose }: { workflow: WorkflowRow; onClose: () => void }) {
  const update = useUpdateWorkflow(workflow.id);
  const form = useId();
  const [name, setName] = useState(workflow.name);
  const [description, setDescription] = useState(workflow.description);
  const save = (event: FormEvent) => {
    event.preventDefault();
    update.mutate({ name: name.trim(), description }, { onSuccess: onClose });
  };
  return (
    <Dialog
      title="Rename workflow"
      open
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={form} busy={update.isPending} disabled={!name.trim()}>
            Save
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={save} style={{ display: 'grid', gap: 'var(--space-4)' }}>
        <Field label="Name">
          {(control) => (
            <TextInput {...control} maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field label="Description">
          {(control) => (
            <TextArea
              {...control}
              maxLength={2000}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <Problem error={update.error} />
      </form>
    </Dialog>
  );
}
