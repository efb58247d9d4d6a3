import { LockKeyhole } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useDeleteSecret, useSecrets, useSetSecret } from '@/api/environment';
import { can, useSignedIn } from '@/api/session';
import { moment } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, TextArea, TextInput } from '@/ui/field';
import { Empty, Failure, Problem, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { useUnsaved } from '@/ui/use-unsaved';
import styles from './secrets.module.css';
import { Section } from './section';

/** Copied along with a key: it would be part of a header. */
const LAST_LINE_ENDS = /[\r\n]+$/;

export function SecretsSection() {
  const { workspace } = useSignedIn();
  const secrets = useSecrets();
  const isAdmin = can(workspace.role, 'admin');
  return (
    <Section
      title="Secrets"
      about="Blocks use them as {{NAME}}. Values are encrypted, and nobody can read them back here."
    >
      {isAdmin && <SecretForm />}
      {secrets.isPending && <Skeleton rows={2} />}
      {secrets.isLoadingError && <Failure error={secrets.error} onRetry={secrets.refetch} />}
      {secrets.data?.length === 0 && <Empty icon={<LockKeyhole size={22} aria-hidden />} title="No secrets yet" />}
      {secrets.data && secrets.data.length > 0 && (
        <ActionTable label="Secret table" columns={['Name', 'Changed']}>
          {secrets.data.map(({ name, updatedAt }) => (
            <tr key={name}>
              <td>
                <code>{`{{${name}}}`}</code>
              </td>
              <td className={table.quiet}>{moment(updatedAt)}</td>
              <td className={table.end}>{isAdmin && <DeleteButton name={name} />}</td>
            </tr>
          ))}
        </ActionTable>
      )}
    </Section>
  );
}

/** A value may have lines, as a private key does: a field for passwords would join them. */
function SecretForm() {
  const { say } = useToasts();
  const set = useSetSecret();
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  useUnsaved(value !== '');
  const problem = nameProblem(name.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate(
      { name: name.trim(), value: value.replace(LAST_LINE_ENDS, '') },
      {
        onSuccess: () => {
          say(`${name.trim()} is kept.`);
          setName('');
          setValue('');
        },
      },
    );
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <Field label="Name">
        {(control) => (
          <TextInput
            {...control}
            placeholder="OPENAI_API_KEY"
            maxLength={100}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Value">
        {(control) => (
          <TextArea
            {...control}
            className={styles.value}
            rows={1}
            autoComplete="off"
            spellCheck={false}
            value={value}
            onChange={(event) => setValue(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey) return;
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }}
          />
        )}
      </Field>
      <Button type="submit" look="primary" disabled={!name.trim() || problem !== null || !value} busy={set.isPending}>
        Keep
      </Button>
      <div className={styles.problem}>
        <Problem error={problem ?? set.error} />
      </div>
    </form>
  );
}

/** The server's rule, said where the name is written: in an address, some of what it refuses means something else. */
function nameProblem(name: string): string | null {
  if (!name || /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return null;
  return 'Letters, digits, _ . and -, beginning with a letter or _.';
}

function DeleteButton({ name }: { name: string }) {
  const { fail } = useToasts();
  const remove = useDeleteSecret();
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Button aria-label={`Delete ${name}`} onClick={() => setAsked(true)}>
        Delete
      </Button>
      <Confirm
        title={`Delete ${name}?`}
        question="Workflows that use it fail from then on."
        action="Delete"
        busy={remove.isPending}
        open={asked}
        onClose={() => setAsked(false)}
        onConfirm={() => remove.mutate(name, { onError: fail, onSettled: () => setAsked(false) })}
      />
    </>
  );
}
