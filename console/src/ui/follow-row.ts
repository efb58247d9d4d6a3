import type { MouseEvent } from 'react';

/** Follow the first link of a table row that was clicked, unless the click has another target or ends a selection. */
export function followRow({ target, currentTarget, nativeEvent }: MouseEvent<HTMLTableRowElement>) {
  if (!(target instanceof Element) || !currentTarget.contains(target)) return;
  if (target.closest('a, button') || window.getSelection()?.toString()) return;
  currentTarget.querySelector('a')?.dispatchEvent(new window.MouseEvent('click', nativeEvent));
}
