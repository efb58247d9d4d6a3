import { useEffect } from 'react';

const PRODUCT = 'Flowport';

/** Names the page in its tab and in the history: what it is about first, which is what a narrow tab shows. */
export function useTitle(about: string | undefined): void {
  useEffect(() => {
    document.title = about ? `${about} – ${PRODUCT}` : PRODUCT;
  }, [about]);
}
