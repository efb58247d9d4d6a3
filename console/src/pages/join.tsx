export function JoinPage({ token }: { token: string }) {
  return <p>{token}</p>;
}
