import { LockKeyhole } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useDeleteSecret, useSecrets, useSetSecret } from '@/api/environment';
import { can, useSignedIn } from '@/api/session';
import { moment } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, TextInput } from '@/ui/field';
import { Empty, Failure, Problem, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import styles from './secrets.module.css';
import { Section } from './section';

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

function SecretForm() {
  const { say } = useToasts();
  const set = useSetSecret();
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate(
      { name: name.trim(), value },
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
          <TextInput
            {...control}
            type="password"
            autoComplete="new-password"
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" look="primary" disabled={!name.trim() || !value} busy={set.isPending}>
        Keep
      </Button>
      <div className={styles.problem}>
        <Problem error={set.error} />
      </div>
    </form>
  );
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
