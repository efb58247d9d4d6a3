import { useState } from 'react';
import { useAgent, useDeleteAgent, useIsChangingAgent, useSaveAgent } from '@/api/agent';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { useToasts } from '@/ui/toasts';
import { A2A_FORM } from './a2a-tab';

/** Publishes the agent, changes it, hides it, deletes it. */
export function A2aFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const { data: agent } = useAgent(workflow.id);
  const show = useSaveAgent(workflow.id, agent);
  const remove = useDeleteAgent(workflow.id);
  const changing = useIsChangingAgent(workflow.id);
  const [asked, setAsked] = useState(false);
  const mayNot = !can(workspace.role, 'admin') || !deployment.data?.isDeployed || changing;

  const toggle = (isPublished: boolean) =>
    show.mutate(
      { isPublished },
      {
        onSuccess: () => say(isPublished ? 'The agent is published.' : 'The agent is not published any more.'),
        onError: fail,
      },
    );

  return (
    <>
      {agent && (
        <>
          <Button disabled={mayNot} onClick={() => setAsked(true)}>
            Delete
          </Button>
          <Button disabled={mayNot} onClick={() => toggle(!agent.isPublished)}>
            {agent.isPublished ? 'Unpublish' : 'Publish'}
          </Button>
        </>
      )}
      <Button look="primary" type="submit" form={A2A_FORM} disabled={mayNot}>
        {agent ? 'Update' : 'Publish Agent'}
      </Button>
      <Confirm
        title="Delete this agent?"
        question="Its address answers nobody any more. The workflow stays as it is."
        action="Delete"
        busy={remove.isPending}
        open={asked}
        onClose={() => setAsked(false)}
        onConfirm={() =>
          agent &&
          remove.mutate(agent.id, {
            onSuccess: () => say('The agent is deleted.'),
            onError: fail,
            onSettled: () => setAsked(false),
          })
        }
      />
    </>
  );
}
