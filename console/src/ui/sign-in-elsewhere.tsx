/** What to do where the session has ended and the page holds what is not saved. */
export function SignInElsewhere() {
  return (
    <>
      You are signed out.{' '}
      <a href="/" target="_blank" rel="noreferrer">
        Sign in in another tab
      </a>{' '}
      and go on here: what you wrote is kept.
    </>
  );
}
