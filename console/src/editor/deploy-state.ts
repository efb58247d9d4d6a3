import { hasSomethingToRun } from '@/workflow/edit';
import type { WorkflowState } from '@/workflow/state';
import type { DeployButtonProps } from './toolbar';

/** Return what the Deploy button shows. */
export function deployState(
  state: WorkflowState,
  deployment: { isDeployed: boolean; needsRedeployment: boolean } | undefined,
  isAdmin: boolean,
): DeployButtonProps['state'] {
  if (deployment?.isDeployed) return deployment.needsRedeployment && isAdmin ? 'changed' : 'live';
  if (!hasSomethingToRun(state)) return 'empty';
  return isAdmin ? 'undeployed' : 'forbidden';
}
