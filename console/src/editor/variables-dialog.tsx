import { useState } from 'react';
import { ItemList } from '@/panel/item-list';
import lists from '@/panel/item-list.module.css';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Select, TextArea, TextInput } from '@/ui/field';
import type { DraftStore } from '@/workflow/draft-store';
import { setVariables } from '@/workflow/edit';
import { newId } from '@/workflow/new-id';
import { textOf, type Variable } from '@/workflow/state';

const TYPES = ['plain', 'string', 'number', 'boolean', 'object', 'array'];

interface Props {
  store: DraftStore;
  disabled: boolean;
  onClose: () => void;
}

/** Dialog for the variables of the workflow. */
export function VariablesDialog({ store, disabled, onClose }: Props) {
  const [variables, setShown] = useState<Variable[]>(() => Object.values(store.state().variables));
  const change = (next: Variable[]) => {
    setShown(next);
    const named = next.filter((variable) => variable.name.trim());
    store.edit((state) => setVariables(state, named), 'variables');
  };
  return (
    <Dialog
      title="Variables"
      help="variables"
      description="Values that the blocks of this workflow share. Read one as <variable.name>, set it with a Variables block."
      size="m"
      open
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <ItemList<Variable>
        items={variables}
        keyOf={(variable) => variable.id}
        noun="variable"
        make={() => ({ id: newId(), name: '', type: 'plain', value: '' })}
        disabled={disabled}
        onChange={change}
      >
        {(variable, changeOne, index) => (
          <div className={lists.triple}>
            <TextInput
              aria-label={`Name of variable ${index + 1}`}
              placeholder="name"
              value={variable.name}
              disabled={disabled}
              onChange={(event) => changeOne({ name: event.target.value })}
            />
            <Select
              aria-label={`Type of variable ${index + 1}`}
              value={variable.type}
              disabled={disabled}
              onChange={(event) => changeOne({ type: event.target.value })}
            >
              {TYPES.map((type) => (
                <option key={type}>{type}</option>
              ))}
            </Select>
            <TextArea
              aria-label={`Value of variable ${index + 1}`}
              rows={1}
              placeholder="value"
              value={textOf(variable.value)}
              disabled={disabled}
              onChange={(event) => changeOne({ value: event.target.value })}
            />
          </div>
        )}
      </ItemList>
    </Dialog>
  );
}
