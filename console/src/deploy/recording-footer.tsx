import { useIsSettingRecording } from '@/api/recordings';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { RECORDING_FORM } from './recording-tab';

/** Action of the Recording tab. */
export function RecordingFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const deployment = useDeployment(workflow.id);
  const busy = useIsSettingRecording(workflow.id);
  const canSave = can(workspace.role, 'admin') && deployment.data?.storeInputsAndOutputs;
  return (
    <Button variant="primary" type="submit" form={RECORDING_FORM} disabled={!canSave} busy={busy}>
      Save
    </Button>
  );
}
