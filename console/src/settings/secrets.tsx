import { LockKeyhole } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useDeleteSecret, useSecrets, useSetSecret } from '@/api/environment';
import { can, useSignedIn } from '@/api/session';
import { formatDate } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, TextArea, TextInput } from '@/ui/field';
import { Empty, InlineError, LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import { useUnsavedForm } from '@/ui/use-unsaved-form';
import styles from './secrets.module.css';
import { Section } from './section';

/** Line ends that were copied along with the value. In a header they would be invalid. */
const LAST_LINE_ENDS = /[\r\n]+$/;

export function SecretsSection() {
  const { workspace } = useSignedIn();
  const secrets = useSecrets();
  const isAdmin = can(workspace.role, 'admin');
  return (
    <Section
      title="Secrets"
      about="Use a secret in a block as {{NAME}}. Values are encrypted and cannot be viewed after you save them."
    >
      {isAdmin && <SecretForm />}
      {secrets.isPending && <Skeleton rows={2} />}
      {secrets.isLoadingError && <LoadError error={secrets.error} onRetry={secrets.refetch} />}
      {secrets.data?.length === 0 && (
        <Empty icon={<LockKeyhole size={22} aria-hidden />} title="No secrets">
          Secrets hold the API keys and passwords that your workflows need.
        </Empty>
      )}
      {secrets.data && secrets.data.length > 0 && (
        <ActionTable label="Secret table" columns={['Name', 'Updated']}>
          {secrets.data.map(({ name, updatedAt }) => (
            <tr key={name}>
              <td>
                <code>{`{{${name}}}`}</code>
              </td>
              <td className={table.quiet}>{formatDate(updatedAt)}</td>
              <td className={table.end}>{isAdmin && <DeleteButton name={name} />}</td>
            </tr>
          ))}
        </ActionTable>
      )}
    </Section>
  );
}

/** A text area, because values such as private keys have several lines. A password field would join them. */
function SecretForm() {
  const { notify } = useToasts();
  const set = useSetSecret();
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  useUnsavedForm(value !== '');
  const problem = nameProblem(name.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate(
      { name: name.trim(), value: value.replace(LAST_LINE_ENDS, '') },
      {
        onSuccess: () => {
          notify(`Saved ${name.trim()}.`);
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
            maxLength={128}
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
      <Button
        type="submit"
        variant="primary"
        disabled={!name.trim() || problem !== null || !value}
        busy={set.isPending}
      >
        Save
      </Button>
      <div className={styles.problem}>
        <InlineError error={problem ?? set.error} />
      </div>
    </form>
  );
}

/** Apply the server's rule in the form: in a URL path, some invalid characters have a special meaning. */
function nameProblem(name: string): string | null {
  if (!name || /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return null;
  return 'Use letters, digits, “_”, “.” and “-”. Start with a letter or “_”.';
}

function DeleteButton({ name }: { name: string }) {
  const { fail } = useToasts();
  const remove = useDeleteSecret();
  const [isConfirming, setConfirming] = useState(false);
  return (
    <>
      <Button aria-label={`Delete ${name}`} onClick={() => setConfirming(true)}>
        Delete
      </Button>
      <Confirm
        title={`Delete ${name}?`}
        question="Runs that use this secret will fail."
        action="Delete"
        busy={remove.isPending}
        open={isConfirming}
        onClose={() => setConfirming(false)}
        onConfirm={() => remove.mutate(name, { onError: fail, onSettled: () => setConfirming(false) })}
      />
    </>
  );
}
