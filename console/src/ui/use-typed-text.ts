import { useState } from 'react';
import { type Json, textOf } from '@/workflow/state';

/** The text of a field whose value is read from it: as it was typed, for as long as the value is what was read. */
export function useTypedText(value: Json, written: string): [string, (text: string, read: Json) => void] {
  const [typed, setTyped] = useState<{ text: string; read: Json } | null>(null);
  const text = typed && typed.read === value ? typed.text : written;
  return [text, (text, read) => setTyped({ text, read })];
}

/** The same of a number, with how it is changed; what is no number stays the text that it is. */
export function useTypedNumber(value: Json, onChange: (value: Json) => void): [string, (text: string) => void] {
  const [text, setText] = useTypedText(value, textOf(value));
  const change = (next: string) => {
    const read = numberOrText(next);
    setText(next, read);
    onChange(read);
  };
  return [text, change];
}

function numberOrText(text: string): Json {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
