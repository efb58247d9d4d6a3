import { type FormEvent, useState } from 'react';
import { useSession } from '@/api/session';
import { type InvitationLook, useAcceptInvitation, useInvitationLook } from '@/api/team';
import { Logo } from '@/app/logo';
import { NewPassword } from '@/app/new-password';
import { useTitle } from '@/app/use-title';
import { Button } from '@/ui/button';
import { Field, TextInput } from '@/ui/field';
import { Failure, Problem, Skeleton } from '@/ui/states';
import styles from './sign-in.module.css';

/** Where an invitation's link leads; its token stands behind the #, which no server sees. */
export function InvitePage() {
  const [token] = useState(() => window.location.hash.slice(1));
  const look = useInvitationLook(token);
  useTitle(look.data ? `Join ${look.data.workspaceName}` : 'Invitation');
  return (
    <main className={styles.page}>
      {look.isPending && <Skeleton rows={3} />}
      {look.isError && <Failure error={look.error} />}
      {look.data && <Accept token={token} look={look.data} />}
    </main>
  );
}

function Accept({ token, look }: { token: string; look: InvitationLook }) {
  const given = look.email ?? '';
  const session = useSession();
  const accept = useAcceptInvitation(token, look.workspaceId);
  const [email, setEmail] = useState(given);
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const person = session.data?.user;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept.mutate(person ? null : { email, name, password });
  };
  return (
    <form className={styles.card} onSubmit={submit}>
      <div className={styles.head}>
        <Logo size={36} />
        <h1>Join {look.workspaceName}</h1>
        <p className={styles.about}>
          {person ? `You come in as ${person.email}.` : 'Choose a password, and you are in.'}
        </p>
      </div>
      {!person && (
        <>
          <Field label="Email">
            {(control) => (
              <TextInput
                {...control}
                type="email"
                autoComplete="username"
                required
                readOnly={given !== ''}
                value={email}
                onChange={(event) => setEmail(event.target.value)}
              />
            )}
          </Field>
          <Field label="Name">
            {(control) => (
              <TextInput
                {...control}
                autoComplete="name"
                required
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <NewPassword label="Password" value={password} onChange={setPassword} />
        </>
      )}
      <Problem error={accept.error} />
      <Button look="primary" type="submit" busy={accept.isPending}>
        Join
      </Button>
    </form>
  );
}
