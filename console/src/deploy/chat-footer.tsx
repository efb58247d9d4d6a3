import { useState } from 'react';
import { useChat, useDeleteChat, useIsSavingChat } from '@/api/chat';
import { can, useSignedIn } from '@/api/session';
import { useDeployment, type WorkflowRow } from '@/api/workflows';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { useToasts } from '@/ui/toasts';
import { CHAT_FORM } from './chat-tab';

/** Launches, changes and deletes the chat. */
export function ChatFooter({ workflow }: { workflow: WorkflowRow }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const deployment = useDeployment(workflow.id);
  const chat = useChat(workflow.id).data?.deployment;
  const remove = useDeleteChat(workflow.id);
  const saving = useIsSavingChat(workflow.id);
  const [asked, setAsked] = useState(false);
  const mayNot = !can(workspace.role, 'admin') || !deployment.data?.isDeployed;
  return (
    <>
      {chat && (
        <Button disabled={mayNot} onClick={() => setAsked(true)}>
          Delete
        </Button>
      )}
      <Button look="primary" type="submit" form={CHAT_FORM} busy={saving} disabled={mayNot}>
        {saving ? (chat ? 'Updating…' : 'Launching…') : chat ? 'Update' : 'Launch Chat'}
      </Button>
      <Confirm
        title="Delete this chat?"
        question="Its address answers nobody any more. The workflow stays as it is."
        action="Delete"
        busy={remove.isPending}
        open={asked}
        onClose={() => setAsked(false)}
        onConfirm={() =>
          chat &&
          remove.mutate(chat.id, {
            onSuccess: () => say('The chat is deleted.'),
            onError: fail,
            onSettled: () => setAsked(false),
          })
        }
      />
    </>
  );
}
