import { Check, Clipboard } from 'lucide-react';
import { useEffect, useState } from 'react';
import { IconButton } from './button';
import { copyText } from './copy-text';
import { useToasts } from './toasts';

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const { fail } = useToasts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton label={copied ? 'Copied' : label} onClick={() => void copyText(text).then(() => setCopied(true), fail)}>
      {copied ? <Check size={16} aria-hidden /> : <Clipboard size={16} aria-hidden />}
    </IconButton>
  );
}
