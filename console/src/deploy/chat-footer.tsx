import { useState } from 'react';
import { useChat, useDeleteChat, useIsSavingChat } from '@/api/chat';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { useToasts } from '@/ui/toasts';
import { CHAT_FORM } from './chat-tab';

/** Actions of the Chat tab: launch, update, delete. */
export function ChatFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const chat = useChat(workflow.id).data?.deployment;
  const remove = useDeleteChat(workflow.id);
  const saving = useIsSavingChat(workflow.id);
  const [isConfirming, setConfirming] = useState(false);
  const isDisabled = !can(workspace.role, 'admin') || !deployment.data?.isDeployed;
  return (
    <>
      {chat && (
        <Button disabled={isDisabled} onClick={() => setConfirming(true)}>
          Delete
        </Button>
      )}
      <Button variant="primary" type="submit" form={CHAT_FORM} busy={saving} disabled={isDisabled}>
        {saving ? (chat ? 'Updating…' : 'Launching…') : chat ? 'Update' : 'Launch Chat'}
      </Button>
      <Confirm
        title="Delete this chat?"
        question="Its URL stops working. The workflow is not affected."
        action="Delete"
        busy={remove.isPending}
        open={isConfirming}
        onClose={() => setConfirming(false)}
        onConfirm={() =>
          chat &&
          remove.mutate(chat.id, {
            onSuccess: () => notify('Chat deleted.'),
            onError: fail,
            onSettled: () => setConfirming(false),
          })
        }
      />
    </>
  );
}
