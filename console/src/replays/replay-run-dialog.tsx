import { useState } from 'react';
import { useLocation } from 'wouter';
import { useVersions, versionTitle } from '@/api/deployments';
import { useStartReplay } from '@/api/replays';
import { Field, Select } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';

interface Props {
  workflowId: string;
  runId: string;
  onClose: () => void;
}

/** Dialog that replays one recorded run, and opens the page of its replay. */
export function ReplayRunDialog({ workflowId, runId, onClose }: Props) {
  const [, navigate] = useLocation();
  const start = useStartReplay(workflowId);
  const versions = useVersions(workflowId);
  const [on, setOn] = useState('draft');
  const submit = () =>
    start.mutate(
      { target: on === 'draft' ? { draft: true } : { version: Number(on) }, runIds: [runId] },
      { onSuccess: (replay) => navigate(`/workflows/${workflowId}/replays/${replay.id}`) },
    );
  return (
    <FormDialog
      title="Replay this run"
      help="replays"
      description="Models, API calls and other effects answer from the recording: nothing outside is called."
      action="Replay"
      dirty={false}
      busy={start.isPending}
      error={start.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Replay on">
        {(control) => (
          <Select {...control} value={on} onChange={(event) => setOn(event.target.value)}>
            <option value="draft">Draft</option>
            {versions.data?.map((version) => (
              <option key={version.id} value={version.version}>
                {versionTitle(version)}
                {version.isActive ? ' (live)' : ''}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </FormDialog>
  );
}
