/** Return a name that no other workflow has: the given one, or with the next free number. */
export function freeWorkflowName(name: string, others: Iterable<{ name: string }>): string {
  const taken = new Set([...others].map((workflow) => workflow.name.toLowerCase()));
  if (!taken.has(name.toLowerCase())) return name;
  for (let number = 2; ; number += 1) {
    const numbered = `${name} ${number}`;
    if (!taken.has(numbered.toLowerCase())) return numbered;
  }
}
