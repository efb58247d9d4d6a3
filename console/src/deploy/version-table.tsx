import { EllipsisVertical, FileText, GitCompareArrows, PencilLine, RotateCcw, SquareArrowDown } from 'lucide-react';
import { useDeferredValue, useRef, useState } from 'react';
import { liveNote, useChangeVersion, useLoadVersion, type VersionRow, versionTitle } from '@/api/deployments';
import { can, useSignedIn } from '@/api/session';
import { moment } from '@/app/format';
import { Button, IconButton } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { TextInput } from '@/ui/field';
import { Menu, MenuItem } from '@/ui/menu';
import { Empty } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { useToasts } from '@/ui/toasts';
import { useUnsaved } from '@/ui/use-unsaved';
import type { DraftSaver } from '@/workflow/draft-saver';
import { DescriptionDialog } from './description-dialog';
import styles from './version-table.module.css';

interface Props {
  workflowId: string;
  saver: DraftSaver;
  versions: readonly VersionRow[];
  selected: number | null;
  onSelect: (version: number) => void;
  onCompare: (version: VersionRow) => void;
  onLoaded: () => void;
}

const SEARCH_FROM = 20;
const AT_ONCE = 100;

/** The versions, the latest of them first; the one that is live is always there. */
export function VersionTable({ versions, ...rest }: Props) {
  const [wanted, setWanted] = useState('');
  const [limit, setLimit] = useState(AT_ONCE);
  const word = useDeferredValue(wanted.trim().toLowerCase());
  if (!versions.length) return <Empty title="No deployments yet" />;
  const found = versions.filter((version) => textOf(version).includes(word));
  const shown = found.filter(({ isActive }, index) => index < limit || isActive);
  return (
    <>
      {versions.length >= SEARCH_FROM && (
        <TextInput
          type="search"
          aria-label="Search versions"
          placeholder="Search versions"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      )}
      {found.length ? <Table versions={shown} {...rest} /> : <Empty title={`No version matches “${wanted}”`} />}
      {shown.length < found.length && (
        <div>
          <Button onClick={() => setLimit(limit + AT_ONCE)}>Show older versions</Button>
        </div>
      )}
    </>
  );
}

function textOf({ version, name, description, deployedBy }: VersionRow): string {
  return `v${version} ${name ?? ''} ${description ?? ''} ${deployedBy ?? ''}`.toLowerCase();
}

function Table({ versions, ...rest }: Props) {
  return (
    <TableFrame label="Version table">
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col" className={styles.by}>
              Deployed by
            </th>
            <th scope="col">Timestamp</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <Row key={version.id} version={version} {...rest} />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

type Asked = 'promote' | 'load' | 'describe' | 'rename' | null;

function Row({
  version,
  workflowId,
  saver,
  selected,
  onSelect,
  onCompare,
  onLoaded,
}: Omit<Props, 'versions'> & { version: VersionRow }) {
  const { workspace } = useSignedIn();
  const { say, fail } = useToasts();
  const change = useChangeVersion(workflowId);
  const load = useLoadVersion(workflowId, saver);
  const [asked, setAsked] = useState<Asked>(null);
  const isBack = useRef(false);
  const close = () => setAsked(null);
  const title = versionTitle(version);
  const number = version.version;
  const isSelected = selected === number && !version.isActive;

  const promote = () =>
    change.mutate(
      { version: number, change: { isActive: true } },
      {
        onSuccess: ({ warnings }) => say(liveNote(title, warnings)),
        onError: fail,
        onSettled: close,
      },
    );
  const loadIt = () => load.mutate(number, { onSuccess: onLoaded, onError: fail, onSettled: close });

  return (
    <tr aria-selected={isSelected}>
      <td>
        <div className={styles.version}>
          <span className={version.isActive ? styles.live : styles.past} aria-hidden />
          {asked === 'rename' ? (
            <Rename
              workflowId={workflowId}
              version={version}
              onDone={(isInField) => {
                isBack.current = isInField;
                close();
              }}
            />
          ) : (
            <button
              ref={(button) => {
                if (isBack.current) button?.focus();
                isBack.current = false;
              }}
              type="button"
              className={styles.title}
              onClick={() => onSelect(number)}
            >
              {title}
              {version.name && <span className={styles.suffix}> v{number}</span>}
              {version.isActive && <span className={styles.suffix}> (live)</span>}
              {isSelected && <span className={styles.suffix}> (selected)</span>}
            </button>
          )}
        </div>
      </td>
      <td className={`${table.quiet} ${styles.by}`}>{version.deployedBy ?? 'Unknown'}</td>
      <td className={table.quiet}>{moment(version.createdAt)}</td>
      <td className={table.end}>
        <IconButton
          className={version.description ? styles.described : undefined}
          label={version.description || 'Add description'}
          aria-label={version.description ? `Description of ${title}` : `Add description to ${title}`}
          onClick={() => setAsked('describe')}
        >
          <FileText size={16} aria-hidden />
        </IconButton>
        <Menu
          trigger={
            <IconButton label={`Actions for ${title}`}>
              <EllipsisVertical size={17} aria-hidden />
            </IconButton>
          }
        >
          {can(workspace.role, 'write') && (
            <>
              <MenuItem icon={<PencilLine size={15} aria-hidden />} onSelect={() => setAsked('rename')}>
                Rename
              </MenuItem>
              <MenuItem icon={<FileText size={15} aria-hidden />} onSelect={() => setAsked('describe')}>
                {version.description ? 'Edit description' : 'Add description'}
              </MenuItem>
            </>
          )}
          {can(workspace.role, 'admin') && !version.isActive && (
            <MenuItem icon={<RotateCcw size={15} aria-hidden />} onSelect={() => setAsked('promote')}>
              Promote to live
            </MenuItem>
          )}
          {can(workspace.role, 'admin') && (
            <MenuItem icon={<SquareArrowDown size={15} aria-hidden />} onSelect={() => setAsked('load')}>
              Load deployment
            </MenuItem>
          )}
          <MenuItem icon={<GitCompareArrows size={15} aria-hidden />} onSelect={() => onCompare(version)}>
            Compare
          </MenuItem>
        </Menu>
        {asked === 'describe' && <DescriptionDialog workflowId={workflowId} version={version} onClose={close} />}
        <Confirm
          title="Promote to live"
          question={`Calls run ${title} from now on. The draft and the other versions stay as they are.`}
          action="Promote to live"
          look="primary"
          busy={change.isPending}
          open={asked === 'promote'}
          onClose={close}
          onConfirm={promote}
        />
        <Confirm
          title="Load Deployment"
          question={`The draft on your canvas is replaced by ${title}. What is live does not change.`}
          action="Load deployment"
          busy={load.isPending}
          open={asked === 'load'}
          onClose={close}
          onConfirm={loadIt}
        />
      </td>
    </tr>
  );
}

interface RenameProps {
  workflowId: string;
  version: VersionRow;
  /** Whether the field still has the focus, which would go with it. */
  onDone: (isInField: boolean) => void;
}

/** Enter or leaving saves, Escape does not. A name that could not be saved stays in its field. */
function Rename({ workflowId, version, onDone }: RenameProps) {
  const { fail } = useToasts();
  const change = useChangeVersion(workflowId);
  const [name, setName] = useState(version.name ?? '');
  const wanted = name.trim();
  const isWritten = wanted !== '' && wanted !== version.name;
  useUnsaved(isWritten);
  const field = useRef<HTMLInputElement>(null);
  const done = () => onDone(document.activeElement === field.current);
  const settle = () => {
    if (!isWritten) done();
    else if (!change.isPending) {
      change.mutate({ version: version.version, change: { name: wanted } }, { onSuccess: done, onError: fail });
    }
  };
  return (
    <TextInput
      ref={field}
      autoFocus
      data-keeps-escape
      aria-label={`New name of ${versionTitle(version)}`}
      placeholder={`v${version.version}`}
      maxLength={100}
      value={name}
      readOnly={change.isPending}
      onChange={(event) => setName(event.target.value)}
      onBlur={settle}
      onKeyDown={(event) => {
        if (event.key === 'Enter') settle();
        if (event.key === 'Escape') done();
      }}
    />
  );
}
