import { useState } from 'react';
import { useAgent, useDeleteAgent, useIsChangingAgent, useSaveAgent } from '@/api/agent';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { useToasts } from '@/ui/toasts';
import { A2A_FORM } from './a2a-tab';

/** Actions of the A2A tab: publish, update, unpublish, delete. */
export function A2aFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const { data: agent } = useAgent(workflow.id);
  const show = useSaveAgent(workflow.id, agent);
  const remove = useDeleteAgent(workflow.id);
  const changing = useIsChangingAgent(workflow.id);
  const [isConfirming, setConfirming] = useState(false);
  const isDisabled = !can(workspace.role, 'admin') || !deployment.data?.isDeployed || changing;

  const toggle = (isPublished: boolean) =>
    show.mutate(
      { isPublished },
      {
        onSuccess: () => notify(isPublished ? 'Agent published.' : 'Agent unpublished.'),
        onError: fail,
      },
    );

  return (
    <>
      {agent && (
        <>
          <Button disabled={isDisabled} onClick={() => setConfirming(true)}>
            Delete
          </Button>
          <Button disabled={isDisabled} onClick={() => toggle(!agent.isPublished)}>
            {agent.isPublished ? 'Unpublish' : 'Publish'}
          </Button>
        </>
      )}
      <Button variant="primary" type="submit" form={A2A_FORM} disabled={isDisabled}>
        {agent ? 'Update' : 'Publish Agent'}
      </Button>
      <Confirm
        title="Delete this agent?"
        question="Its URL stops working. The workflow is not affected."
        action="Delete"
        busy={remove.isPending}
        open={isConfirming}
        onClose={() => setConfirming(false)}
        onConfirm={() =>
          agent &&
          remove.mutate(agent.id, {
            onSuccess: () => notify('Agent deleted.'),
            onError: fail,
            onSettled: () => setConfirming(false),
          })
        }
      />
    </>
  );
}
