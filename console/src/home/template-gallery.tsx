import { Bot, FilePlus2, type LucideIcon, Split, UserCheck } from 'lucide-react';
import { useId } from 'react';
import { useLocation } from 'wouter';
import { useCreateWorkflow, useImportWorkflow, useWorkflows } from '@/api/workflows';
import { useToasts } from '@/ui/toasts';
import styles from './template-gallery.module.css';
import { freeWorkflowName } from './workflow-name';

interface Template {
  name: string;
  about: string;
  icon: LucideIcon;
  load: () => Promise<{ default: string }>;
}

/** The templates of `flowport init`. */
const TEMPLATES: readonly Template[] = [
  {
    name: 'Question and answer',
    about: 'A model answers a question.',
    icon: Bot,
    load: () => import('../../../cli/src/flowport/templates/agent.yaml?raw'),
  },
  {
    name: 'Message routing',
    about: 'A function and a condition sort messages. Urgent ones are escalated, a model answers the others.',
    icon: Split,
    load: () => import('../../../cli/src/flowport/templates/branches.yaml?raw'),
  },
  {
    name: 'Approval',
    about: 'The run pauses until a person approves or rejects a request.',
    icon: UserCheck,
    load: () => import('../../../cli/src/flowport/templates/approval.yaml?raw'),
  },
];

/** Cards that create a workflow, blank or from a template, and open it. */
export function TemplateGallery() {
  const [, navigate] = useLocation();
  const { fail } = useToasts();
  const workflows = useWorkflows();
  const create = useCreateWorkflow();
  const copy = useImportWorkflow();
  const isBusy = create.isPending || copy.isPending;
  const open = (id: string) => navigate(`/workflows/${id}`);
  const free = (name: string) => freeWorkflowName(name, workflows.data ?? []);
  const use = async ({ name, load }: Template) => {
    const text = (await load()).default.replace('name: NAME', `name: ${free(name)}`);
    open((await copy.mutateAsync(new Blob([text]))).data.id);
  };
  return (
    <ul className={styles.gallery} aria-label="Templates">
      <Card
        name="Blank workflow"
        about="Start with an empty canvas."
        icon={FilePlus2}
        disabled={isBusy}
        onUse={() => create.mutate(free('New workflow'), { onSuccess: (made) => open(made.id), onError: fail })}
      />
      {TEMPLATES.map((template) => (
        <Card
          key={template.name}
          {...template}
          disabled={isBusy}
          onUse={() => void use(template).catch((error: unknown) => fail(error))}
        />
      ))}
    </ul>
  );
}

interface CardProps extends Pick<Template, 'name' | 'about' | 'icon'> {
  disabled: boolean;
  onUse: () => void;
}

function Card({ name, about, icon: Icon, disabled, onUse }: CardProps) {
  const aboutId = useId();
  return (
    <li className={styles.card}>
      <Icon size={20} aria-hidden />
      {/* The button covers the card. Its name is the template's, without the description. */}
      <button type="button" className={styles.name} disabled={disabled} aria-describedby={aboutId} onClick={onUse}>
        {name}
      </button>
      <p id={aboutId} className={styles.about}>
        {about}
      </p>
    </li>
  );
}
