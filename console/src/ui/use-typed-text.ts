import { useState } from 'react';
import type { Json } from '@/workflow/state';

/** The text of a field whose value is read from it: as it was typed, for as long as the value is what was read. */
export function useTypedText(value: Json, written: string): [string, (text: string, read: Json) => void] {
  const [typed, setTyped] = useState<{ text: string; read: Json } | null>(null);
  const text = typed && typed.read === value ? typed.text : written;
  return [text, (text, read) => setTyped({ text, read })];
}
