/** Line of a text before or after a change. */
export interface Line {
  kind: 'same' | 'removed' | 'added';
  text: string;
}

/** Unchanged lines that are left out. */
export interface Gap {
  kind: 'gap';
  lines: number;
}

/** Limit of line pairs that are compared. Texts with more are shown as replaced, apart from their equal start and end. */
const MAX_PAIRS = 1_000_000;
const CONTEXT = 3;

/** Compare two texts line by line: a shortest list of removed and added lines, with unchanged lines around them. */
export function lineDiff(before: string, after: string): (Line | Gap)[] {
  return withoutUnchanged(changedLines(before.split('\n'), after.split('\n')));
}

function changedLines(before: readonly string[], after: readonly string[]): Line[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return [
    ...lines('same', before.slice(0, start)),
    ...longestCommon(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...lines('same', before.slice(before.length - end)),
  ];
}

/** Compare by a longest common subsequence. */
function longestCommon(before: readonly string[], after: readonly string[]): Line[] {
  if (before.length * after.length > MAX_PAIRS) return [...lines('removed', before), ...lines('added', after)];
  const width = after.length + 1;
  // lengths[i * width + j]: the longest common subsequence of before[i..] and after[j..].
  const lengths = new Uint32Array((before.length + 1) * width);
  const length = (i: number, j: number) => lengths[i * width + j] as number;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === after[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
    }
  }
  const found: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      found.push({ kind: 'same', text: before[i] as string });
      i++;
      j++;
    } else if (length(i + 1, j) >= length(i, j + 1)) {
      found.push({ kind: 'removed', text: before[i++] as string });
    } else {
      found.push({ kind: 'added', text: after[j++] as string });
    }
  }
  return [...found, ...lines('removed', before.slice(i)), ...lines('added', after.slice(j))];
}

function lines(kind: Line['kind'], texts: readonly string[]): Line[] {
  return texts.map((text) => ({ kind, text }));
}

/** Replace unchanged lines that are far from every change by a gap. */
function withoutUnchanged(all: readonly Line[]): (Line | Gap)[] {
  const isNear = new Array<boolean>(all.length).fill(false);
  all.forEach(({ kind }, at) => {
    if (kind !== 'same') isNear.fill(true, Math.max(0, at - CONTEXT), at + CONTEXT + 1);
  });
  const shown: (Line | Gap)[] = [];
  all.forEach((line, at) => {
    const last = shown.at(-1);
    if (isNear[at]) shown.push(line);
    else if (last?.kind === 'gap') last.lines++;
    else shown.push({ kind: 'gap', lines: 1 });
  });
  return shown;
}
