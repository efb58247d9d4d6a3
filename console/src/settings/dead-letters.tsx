import { MailX } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { type DeadLetter, useDeadLetters, useDiscard, useRedrive } from '@/api/dead-letters';
import { useWorkflows } from '@/api/workflows';
import { ago } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Empty, Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { useNow } from '@/ui/use-now';
import { Section } from './section';

const KINDS: Record<string, string> = {
  durable_run: 'Queued run',
  records: 'Run records',
  attached_run: 'Waiting call',
  unreadable: 'Unreadable message',
};

export function DeadLettersSection() {
  return (
    <Section
      title="Dead letters"
      about="Messages that nobody could work on, kept until somebody decides. Redrive gives one another chance."
    >
      <Letters />
    </Section>
  );
}

function Letters() {
  const letters = useDeadLetters();
  const workflows = useWorkflows();
  useNow();
  if (letters.isPending) return <Skeleton rows={2} />;
  if (letters.isLoadingError) return <Failure error={letters.error} onRetry={letters.refetch} />;
  const found = letters.data.pages.flatMap((page) => page.data);
  if (!found.length) {
    return (
      <Empty icon={<MailX size={22} aria-hidden />} title="No dead letters">
        Everything that was queued could be worked on.
      </Empty>
    );
  }
  const names = new Map(workflows.data?.map((row) => [row.id, row.name]));
  return (
    <>
      <ActionTable label="Dead letter table" columns={['What', 'Why', 'When']}>
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
  const { say, fail } = useToasts();
  const redrive = useRedrive();
  const discard = useDiscard();
  const [asked, setAsked] = useState(false);
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
      <td className={table.quiet}>{ago(letter.diedAt)}</td>
      <td className={table.end}>
        <Button
          busy={redrive.isPending}
          onClick={() => redrive.mutate(letter.id, { onSuccess: () => say('It is tried again.'), onError: fail })}
        >
          Redrive
        </Button>{' '}
        <Button onClick={() => setAsked(true)}>Discard</Button>
        <Confirm
          title="Discard this message?"
          question="It is gone for good. A run that it was about stays as it is."
          action="Discard"
          busy={discard.isPending}
          open={asked}
          onClose={() => setAsked(false)}
          onConfirm={() => discard.mutate(letter.id, { onError: fail, onSettled: () => setAsked(false) })}
        />
      </td>
    </tr>
  );
}
