import type { WorkflowRow } from '@/api/workflows';
import type { DraftSaver } from '@/workflow/draft-saver';
export function DeployWindow(_: { workflow: WorkflowRow; saver: DraftSaver; onClose: () => void; onLoaded: () => void }) {
  return null;
}
