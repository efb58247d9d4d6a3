import {
  Bot,
  Braces,
  CalendarClock,
  CircleHelp,
  Clock,
  Code,
  Globe,
  type LucideIcon,
  MessageSquareReply,
  Play,
  Plug,
  Repeat,
  Rows3,
  Scale,
  ShieldCheck,
  Shuffle,
  Sparkles,
  Split,
  StickyNote,
  UserCheck,
  Variable,
  Waypoints,
  Webhook,
  Workflow,
  Wrench,
} from 'lucide-react';
import styles from './block-icon.module.css';

const LOOKS: Record<string, readonly [LucideIcon, string]> = {
  start_trigger: [Play, 'trigger'],
  api_trigger: [Play, 'trigger'],
  input_trigger: [Play, 'trigger'],
  manual_trigger: [Play, 'trigger'],
  chat_trigger: [Play, 'trigger'],
  starter: [Play, 'trigger'],
  schedule: [CalendarClock, 'trigger'],
  generic_webhook: [Webhook, 'trigger'],
  agent: [Bot, 'agent'],
  evaluator: [Scale, 'agent'],
  guardrails: [ShieldCheck, 'agent'],
  router: [Waypoints, 'branch'],
  router_v2: [Waypoints, 'branch'],
  condition: [Split, 'branch'],
  function: [Code, 'code'],
  variables: [Variable, 'code'],
  api: [Globe, 'call'],
  webhook_request: [Webhook, 'call'],
  mcp: [Plug, 'call'],
  workflow: [Workflow, 'call'],
  workflow_input: [Workflow, 'call'],
  memory: [Rows3, 'call'],
  response: [MessageSquareReply, 'answer'],
  human_in_the_loop: [UserCheck, 'answer'],
  loop: [Repeat, 'container'],
  parallel: [Shuffle, 'container'],
  'loop-iteration': [Repeat, 'container'],
  'parallel-iteration': [Shuffle, 'container'],
  model: [Sparkles, 'agent'],
  tool: [Wrench, 'call'],
  wait: [Clock, 'other'],
  note: [StickyNote, 'other'],
  code: [Braces, 'code'],
};

/** Icon of a block type or span type on its color. */
export function BlockIcon({ type, size = 22 }: { type: string; size?: number }) {
  const [Icon, hue] = LOOKS[type] ?? [CircleHelp, 'other'];
  return (
    <span className={styles.icon} style={{ width: size, height: size, background: `var(--hue-${hue})` }} aria-hidden>
      <Icon size={size * 0.62} strokeWidth={2.2} />
    </span>
  );
}
