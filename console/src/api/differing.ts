/** What of `now` is other than it was: of what nobody touched here, somebody else may have changed it meanwhile. */
export function differing<Fields extends object>(before: Partial<Fields>, now: Fields): Partial<Fields> {
  const changed = Object.entries(now).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof Fields]),
  );
  return Object.fromEntries(changed) as Partial<Fields>;
}
