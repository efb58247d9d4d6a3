interface Warning {
  /** Accepts this warning in a deploy, together with all others of the same code and block. */
  name: string;
  message: string;
}

/** Return the key under which the acceptance of one warning is stored. */
export function warningKey({ name, message }: Warning): string {
  return `${name} ${message}`;
}

/** Return the names to send with a deploy: a name is accepted once all warnings that share it are. */
export function acceptedNames(warnings: readonly Warning[], accepted: readonly string[]): string[] {
  const refused = new Set(
    warnings.filter((warning) => !accepted.includes(warningKey(warning))).map(({ name }) => name),
  );
  return [...new Set(warnings.map(({ name }) => name))].filter((name) => !refused.has(name));
}
