/** Return the fields of `now` that differ from `before`. Sending only these keeps concurrent changes by others. */
export function changedFields<Fields extends object>(before: Partial<Fields>, now: Fields): Partial<Fields> {
  const changed = Object.entries(now).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof Fields]),
  );
  return Object.fromEntries(changed) as Partial<Fields>;
}
