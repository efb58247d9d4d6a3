import { type FormEvent, useState } from 'react';
import { useSession } from '@/api/session';
import { type InvitationDetails, useAcceptInvitation, useInvitationDetails } from '@/api/team';
import { Logo } from '@/app/logo';
import { NewPassword } from '@/app/new-password';
import { useTitle } from '@/app/use-title';
import { Button } from '@/ui/button';
import { Field, TextInput } from '@/ui/field';
import { InlineError, LoadError, Skeleton } from '@/ui/states';
import styles from './sign-in.module.css';

/** Page that an invitation link opens. The token is in the URL's fragment, which browsers do not send to servers. */
export function InvitePage() {
  const [token] = useState(() => window.location.hash.slice(1));
  const details = useInvitationDetails(token);
  useTitle(details.data ? `Join ${details.data.workspaceName}` : 'Invitation');
  return (
    <main className={styles.page}>
      {details.isPending && <Skeleton rows={3} />}
      {details.isError && <LoadError error={details.error} />}
      {details.data && <Accept token={token} invitation={details.data} />}
    </main>
  );
}

function Accept({ token, invitation }: { token: string; invitation: InvitationDetails }) {
  const invitedEmail = invitation.email ?? '';
  const session = useSession();
  const accept = useAcceptInvitation(token, invitation.workspaceId);
  const [email, setEmail] = useState(invitedEmail);
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const user = session.data?.user;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept.mutate(user ? null : { email, name, password });
  };
  return (
    <form className={styles.card} onSubmit={submit}>
      <div className={styles.head}>
        <Logo size={36} />
        <h1>Join {invitation.workspaceName}</h1>
        <p className={styles.about}>{user ? `You are joining as ${user.email}.` : 'Create an account to join.'}</p>
      </div>
      {!user && (
        <>
          <Field label="Email">
            {(control) => (
              <TextInput
                {...control}
                type="email"
                autoComplete="username"
                required
                readOnly={invitedEmail !== ''}
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
      <InlineError error={accept.error} />
      <Button variant="primary" type="submit" busy={accept.isPending}>
        Join
      </Button>
    </form>
  );
}
