import { Maximize2 } from 'lucide-react';
import { type ComponentProps, useState } from 'react';
import { Button, IconButton } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { CodeEditor } from './code-editor';
import styles from './expandable-editor.module.css';

/** Code editor that can be opened in a dialog with the size of the window. */
export function ExpandableEditor(props: ComponentProps<typeof CodeEditor>) {
  const [isExpanded, setExpanded] = useState(false);
  const close = () => setExpanded(false);
  return (
    <div className={styles.holder}>
      <CodeEditor {...props} />
      <IconButton className={styles.expand} label={`Expand ${props.label}`} onClick={() => setExpanded(true)}>
        <Maximize2 size={14} aria-hidden />
      </IconButton>
      <Dialog
        title={props.label}
        size="full"
        open={isExpanded}
        onClose={close}
        keepsOpenOutside
        footer={
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        }
      >
        <CodeEditor {...props} label={`${props.label}, expanded`} tall />
      </Dialog>
    </div>
  );
}
