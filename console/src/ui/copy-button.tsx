import { Check, Clipboard } from 'lucide-react';
import { useEffect, useState } from 'react';
import { IconButton } from './button';

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton
      label={copied ? 'Copied' : label}
      onClick={() => navigator.clipboard.writeText(text).then(() => setCopied(true))}
    >
      {copied ? <Check size={16} aria-hidden /> : <Clipboard size={16} aria-hidden />}
    </IconButton>
  );
}
