import { Activity, BookOpen, CircleHelp, KeyRound, Moon, Plus, Settings, Sun, Workflow } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useLatestRuns, useRunById } from '@/api/runs';
import { can, useSignedIn } from '@/api/session';
import { useCreateWorkflow, useWorkflows } from '@/api/workflows';
import { openHelp, TOPICS } from '@/help/topics';
import { freeWorkflowName } from '@/home/workflow-name';
import { callerOf, STATUS_LABELS } from '@/runs/labels';
import { SETTINGS_SECTIONS } from '@/settings/sections';
import { Dialog } from '@/ui/dialog';
import { SearchList } from '@/ui/search-list';
import { useToasts } from '@/ui/toasts';
import { type Command, type CommandGroup, pageCommands } from './commands';
import { filterCommands } from './filter-commands';
import { formatAgo } from './format';
import { setTheme, useTheme } from './theme';

const ICON = { size: 17, 'aria-hidden': true } as const;

const HELP: CommandGroup = {
  title: 'Help',
  options: Object.entries(TOPICS).map(([name, topic]) => ({
    id: `help-${name}`,
    title: `Help: ${topic.title}`,
    icon: <CircleHelp {...ICON} />,
    run: () => openHelp(topic),
  })),
};

/** Dialog that finds workflows, blocks, runs, settings and actions by name, and pages of the documentation. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [search, setSearch] = useState('');
  const [page] = useState(pageCommands);
  const chosen = useRef<Command | null>(null);
  const runs = useRunCommands(search);
  const workflows = useWorkflowCommands();
  const actions = useActions();
  const settings = useSettingsCommands();
  const groups = useMemo(
    () => filterCommands([...page, workflows, runs, settings, actions, HELP], search),
    [page, workflows, runs, settings, actions, search],
  );
  return (
    // The command runs once the focus is back, so that a dialog it opens can return the focus in turn.
    <Dialog title="Go to" open onClose={onClose} onClosed={() => chosen.current?.run()} size="m">
      <SearchList
        label="Search workflows, blocks, runs, settings and actions"
        placeholder="Search or choose an action"
        list="Results"
        search={search}
        onSearch={setSearch}
        groups={groups}
        onChoose={(command) => {
          chosen.current = command;
          onClose();
        }}
        empty={`Nothing matches “${search}”.`}
      />
    </Dialog>
  );
}

function useWorkflowCommands(): CommandGroup {
  const [, navigate] = useLocation();
  const { data } = useWorkflows();
  return useMemo(() => {
    const options = [...(data ?? [])].reverse().map(({ id, name, description, isDeployed }) => ({
      id: `workflow-${id}`,
      title: name,
      about: description,
      icon: <Workflow {...ICON} />,
      hint: isDeployed ? 'Live' : 'Draft',
      run: () => navigate(`/workflows/${id}`),
    }));
    return { title: 'Workflows', options };
  }, [data, navigate]);
}

/** Return the latest runs, and the run whose id is searched for. */
function useRunCommands(search: string): CommandGroup {
  const [, navigate] = useLocation();
  const latest = useLatestRuns();
  const byId = useRunById(search.trim());
  const workflows = useWorkflows();
  return useMemo(() => {
    const names = new Map(workflows.data?.map((row) => [row.id, row.name]));
    const found = latest.data ?? [];
    const other = byId.data;
    const rows = other && !found.some((row) => row.executionId === other.executionId) ? [other] : [];
    const options = [...rows, ...found].map((row) => ({
      id: `run-${row.executionId}`,
      title: names.get(row.workflowId ?? '') ?? 'Run',
      about: `${STATUS_LABELS[row.status]} · ${callerOf(row)} · ${row.executionId}`,
      icon: <Activity {...ICON} />,
      hint: formatAgo(row.startedAt),
      run: () => navigate(`/runs/${row.workflowId}/${row.executionId}`),
    }));
    return { title: 'Runs', options };
  }, [latest.data, byId.data, workflows.data, navigate]);
}

function useSettingsCommands(): CommandGroup {
  const [, navigate] = useLocation();
  const { workspace } = useSignedIn();
  return useMemo(() => {
    const options = SETTINGS_SECTIONS.filter((section) => can(workspace.role, section.for)).map(({ path, name }) => ({
      id: `settings-${path}`,
      title: name,
      about: 'Settings',
      icon: <Settings {...ICON} />,
      run: () => navigate(`/settings/${path}`),
    }));
    return { title: 'Settings', options };
  }, [workspace.role, navigate]);
}

function useActions(): CommandGroup {
  const [, navigate] = useLocation();
  const { workspace } = useSignedIn();
  const { fail } = useToasts();
  const { mutateAsync } = useCreateWorkflow();
  const { data: workflows } = useWorkflows();
  const isDark = useTheme() === 'dark';
  return useMemo(() => {
    const create: Command = {
      id: 'new-workflow',
      title: 'Create workflow',
      icon: <Plus {...ICON} />,
      // A promise instead of mutation callbacks, which do not run once the palette has closed.
      run: () => {
        const name = freeWorkflowName('New workflow', workflows ?? []);
        void mutateAsync(name).then((made) => navigate(`/workflows/${made.id}`), fail);
      },
    };
    const everyone: Command[] = [
      { id: 'go-workflows', title: 'Go to workflows', icon: <Workflow {...ICON} />, run: () => navigate('/') },
      { id: 'go-runs', title: 'Go to runs', icon: <Activity {...ICON} />, run: () => navigate('/runs') },
      {
        id: 'failed-runs',
        title: 'Show failed runs',
        icon: <Activity {...ICON} />,
        run: () => navigate('/runs?status=failed'),
      },
      {
        id: 'theme',
        title: isDark ? 'Use light theme' : 'Use dark theme',
        icon: isDark ? <Sun {...ICON} /> : <Moon {...ICON} />,
        run: () => setTheme(isDark ? 'light' : 'dark'),
      },
      {
        id: 'api-reference',
        title: 'Open API reference',
        icon: <BookOpen {...ICON} />,
        run: () => void window.open('/docs', '_blank', 'noopener'),
      },
      { id: 'api-keys', title: 'Create API key', icon: <KeyRound {...ICON} />, run: () => navigate('/settings/keys') },
    ];
    return { title: 'Actions', options: can(workspace.role, 'write') ? [create, ...everyone] : everyone };
  }, [workspace.role, isDark, workflows, mutateAsync, navigate, fail]);
}
