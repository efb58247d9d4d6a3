import { useEffect } from 'react';

const PRODUCT = 'Flowport';

/** Set the document title, subject first: narrow tabs show only the beginning. */
export function useTitle(about: string | undefined): void {
  useEffect(() => {
    document.title = about ? `${about} – ${PRODUCT}` : PRODUCT;
  }, [about]);
}
