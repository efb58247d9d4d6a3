import { useState } from 'react';
import { type Json, textOf } from '@/workflow/state';

/** State of a field whose value is parsed from its text: keeps the text as typed while the value is the parsed one. */
export function useParsedText(value: Json, written: string): [string, (text: string, read: Json) => void] {
  const [typed, setTyped] = useState<{ text: string; read: Json } | null>(null);
  const text = typed && typed.read === value ? typed.text : written;
  return [text, (text, read) => setTyped({ text, read })];
}

/** State of a number field. Text that is not a number is stored as text. */
export function useParsedNumber(value: Json, onChange: (value: Json) => void): [string, (text: string) => void] {
  const [text, setText] = useParsedText(value, textOf(value));
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
