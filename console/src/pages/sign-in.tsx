import { type FormEvent, useState } from 'react';
import { useSignIn } from '@/api/session';
import { Logo } from '@/app/logo';
import { useTitle } from '@/app/use-title';
import { Button } from '@/ui/button';
import { Field, TextInput } from '@/ui/field';
import { InlineError } from '@/ui/states';
import styles from './sign-in.module.css';

export function SignInPage() {
  useTitle('Sign in');
  const signIn = useSignIn();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ email, password });
  };
  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit}>
        <div className={styles.head}>
          <Logo size={36} />
          <h1>Sign in to Flowport</h1>
          <p className={styles.about}>Build workflows and publish them as APIs.</p>
        </div>
        <Field label="Email">
          {(control) => (
            <TextInput
              {...control}
              type="email"
              name="email"
              autoComplete="username"
              required
              autoFocus
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </Field>
        <Field label="Password">
          {(control) => (
            <TextInput
              {...control}
              type="password"
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        <InlineError error={signIn.error} />
        <Button variant="primary" type="submit" busy={signIn.isPending}>
          Sign in
        </Button>
      </form>
      <p className={styles.note}>
        The administrator&apos;s password was printed on the first start and saved to <code>credentials.json</code>.
        Everyone else needs an invitation.
      </p>
    </main>
  );
}
