import type { Setting } from '@/workflow/catalogue';
import type { Reference } from '@/workflow/references';
import type { Json } from '@/workflow/state';

/** What a field may offer as it is typed into. */
export interface Words {
  references: readonly Reference[];
  environment: readonly string[];
}

/** What every control of a setting is given. */
export interface SettingProps {
  setting: Setting;
  value: Json;
  blockId: string;
  disabled: boolean;
  words: Words;
  onChange: (value: Json) => void;
}
