interface Scale {
  /** Width of a bucket. */
  step: number;
  height: number;
  /** Value at the full height. */
  top: number;
}

/** Return the path of a line through the middles of the buckets. A bucket without neighbors is a short stroke. */
export function lineOf(values: readonly (number | null)[], { step, height, top }: Scale): string {
  const parts = values.map((value, index) => {
    if (value === null) return '';
    const x = (index + 0.5) * step;
    const y = height - (value / top) * height;
    const isStart = (values[index - 1] ?? null) === null;
    const isAlone = isStart && (values[index + 1] ?? null) === null;
    if (isAlone) return `M${x - step / 4} ${y}h${step / 2}`;
    return `${isStart ? 'M' : 'L'}${x} ${y}`;
  });
  return parts.join('');
}
