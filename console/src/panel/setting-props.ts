import type { Setting } from '@/workflow/catalog';
import type { ReferenceCheck } from '@/workflow/reference-check';
import type { Reference } from '@/workflow/references';
import type { Json } from '@/workflow/state';

/** Completions of a field. */
export interface Completions {
  references: readonly Reference[];
  environment: readonly string[];
  check?: ReferenceCheck;
}

/** Props of every setting control. */
export interface SettingProps {
  setting: Setting;
  value: Json;
  blockId: string;
  disabled: boolean;
  completions: Completions;
  onChange: (value: Json) => void;
}
