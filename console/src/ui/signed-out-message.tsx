/** Message for an expired session on a page with unsaved changes. */
export function SignedOutMessage() {
  return (
    <>
      You are signed out.{' '}
      <a href="/" target="_blank" rel="noreferrer">
        Sign in in a new tab
      </a>
      , then continue here. Your unsaved changes stay here.
    </>
  );
}
