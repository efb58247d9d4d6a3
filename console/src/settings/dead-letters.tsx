import { MailX } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { type DeadLetter, useDeadLetters, useDeleteDeadLetter, useRedrive } from '@/api/dead-letters';
import { useWorkflows } from '@/api/workflows';
import { formatAgo } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Empty, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { useNow } from '@/ui/use-now';
import { Section } from './section';

const KINDS: Record<string, string> = {
  durable_run: 'Queued run',
  records: 'Run records',
  attached_run: 'Attached run',
  unreadable: 'Unreadable message',
};

export function DeadLettersSection() {
  return (
    <Section title="Dead letters" about="Messages that could not be processed. Retry or delete them.">
      <Letters />
    </Section>
  );
}

function Letters() {
  const letters = useDeadLetters();
  const workflows = useWorkflows();
  useNow();
  if (letters.isPending) return <Skeleton rows={2} />;
  if (letters.isLoadingError) return <LoadError error={letters.error} onRetry={letters.refetch} />;
  const found = letters.data.pages.flatMap((page) => page.data);
  if (!found.length) {
    return (
      <Empty icon={<MailX size={22} aria-hidden />} title="No dead letters">
        All queued messages were processed.
      </Empty>
    );
  }
  const names = new Map(workflows.data?.map((row) => [row.id, row.name]));
  return (
    <>
      <ActionTable label="Dead letter table" columns={['Message', 'Reason', 'Failed']}>
        {found.map((letter) => (
          <Row key={letter.id} letter={letter} name={names.get(letter.workflowId ?? '')} />
        ))}
      </ActionTable>
      {letters.hasNextPage && (
        <Button busy={letters.isFetchingNextPage} onClick={() => void letters.fetchNextPage()}>
          Show older messages
        </Button>
      )}
    </>
  );
}

function Row({ letter, name }: { letter: DeadLetter; name: string | undefined }) {
  const { notify, fail } = useToasts();
  const redrive = useRedrive();
  const remove = useDeleteDeadLetter();
  const [isConfirming, setConfirming] = useState(false);
  const what = KINDS[letter.kind] ?? letter.kind;
  return (
    <tr>
      <td>
        {letter.runId && letter.workflowId ? (
          <Link href={`/runs/${letter.workflowId}/${letter.runId}`}>{name ?? what}</Link>
        ) : (
          what
        )}
        <br />
        <span className={table.quiet}>
          {what}, from <code>{letter.queue}</code>
        </span>
      </td>
      <td className={table.quiet}>
        {letter.reason}
        {letter.times > 1 && `, ${letter.times} times`}
      </td>
      <td className={table.quiet}>{formatAgo(letter.diedAt)}</td>
      <td className={table.end}>
        <Button
          busy={redrive.isPending}
          onClick={() =>
            redrive.mutate(letter.id, { onSuccess: () => notify('The message was queued again.'), onError: fail })
          }
        >
          Retry
        </Button>{' '}
        <Button onClick={() => setConfirming(true)}>Delete</Button>
        <Confirm
          title="Delete this message?"
          question="You cannot undo this. The run that the message belongs to is not affected."
          action="Delete"
          busy={remove.isPending}
          open={isConfirming}
          onClose={() => setConfirming(false)}
          onConfirm={() => remove.mutate(letter.id, { onError: fail, onSettled: () => setConfirming(false) })}
        />
      </td>
    </tr>
  );
}
