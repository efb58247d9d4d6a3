import { useState } from 'react';
import { changedFields } from '@/api/changed-fields';
import { useUpdateWorkflow, type WorkflowRow } from '@/api/workflows';
import { Field, TextArea, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';

export function RenameDialog({ workflow, onClose }: { workflow: WorkflowRow; onClose: () => void }) {
  const update = useUpdateWorkflow(workflow.id);
  const [before] = useState(workflow);
  const [name, setName] = useState(workflow.name);
  const [description, setDescription] = useState(workflow.description);
  const changes = changedFields(before, { name: name.trim(), description });
  return (
    <FormDialog
      title="Rename workflow"
      action="Save"
      disabled={!name.trim() || !Object.keys(changes).length}
      busy={update.isPending}
      error={update.error}
      onSubmit={() => update.mutate(changes, { onSuccess: onClose })}
      onClose={onClose}
    >
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
    </FormDialog>
  );
}
