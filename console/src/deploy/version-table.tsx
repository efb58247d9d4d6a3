import {
  EllipsisVertical,
  FileText,
  FlaskConical,
  GitCompareArrows,
  PencilLine,
  RotateCcw,
  SquareArrowDown,
} from 'lucide-react';
import { useDeferredValue, useRef, useState } from 'react';
import { liveNote, useLoadVersion, useUpdateVersion, type VersionRow, versionTitle } from '@/api/deployments';
import type { Gate } from '@/api/replays';
import { can, useSignedIn } from '@/api/session';
import { formatDate } from '@/app/format';
import { CheckDialog } from '@/replays/check-dialog';
import { Button, IconButton } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { TextInput } from '@/ui/field';
import { Menu, MenuItem } from '@/ui/menu';
import { Empty } from '@/ui/states';
import table from '@/ui/table.module.css';
import { TableFrame } from '@/ui/table-frame';
import { useToasts } from '@/ui/toasts';
import { useUnsavedForm } from '@/ui/use-unsaved-form';
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
  onLoaded: (version: VersionRow) => Promise<void>;
}

const SEARCH_FROM = 20;
const PAGE_SIZE = 100;

/** Table of versions, latest first. The live version is always shown. */
export function VersionTable({ versions, ...rest }: Props) {
  const [search, setSearch] = useState('');
  const [limit, setLimit] = useState(PAGE_SIZE);
  const word = useDeferredValue(search.trim().toLowerCase());
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
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      )}
      {found.length ? <Table versions={shown} {...rest} /> : <Empty title={`No versions match “${search}”`} />}
      {shown.length < found.length && (
        <div>
          <Button onClick={() => setLimit(limit + PAGE_SIZE)}>Show older versions</Button>
        </div>
      )}
    </>
  );
}

function textOf({ version, name, description, deployedBy }: VersionRow): string {
  return `v${version} ${name ?? ''} ${description ?? ''} ${deployedBy ?? ''}`.toLowerCase();
}

function Table({ versions, ...rest }: Props) {
  const live = versions.find((version) => version.isActive);
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
            <Row key={version.id} version={version} live={live} {...rest} />
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

type OpenDialog = 'promote' | 'check' | 'load' | 'describe' | 'rename' | null;

interface RowProps extends Omit<Props, 'versions'> {
  version: VersionRow;
  live: VersionRow | undefined;
}

function Row({ version, live, workflowId, saver, selected, onSelect, onCompare, onLoaded }: RowProps) {
  const { workspace } = useSignedIn();
  const { notify, fail } = useToasts();
  const change = useUpdateVersion(workflowId);
  const load = useLoadVersion(workflowId, saver);
  const [openDialog, setOpenDialog] = useState<OpenDialog>(null);
  const isBack = useRef(false);
  const close = () => setOpenDialog(null);
  const title = versionTitle(version);
  const number = version.version;
  const isSelected = selected === number && !version.isActive;

  // A promise instead of mutation callbacks, which do not run once the window is closed.
  const makeLive = (one: VersionRow, before?: VersionRow) => promoteTo(one, before).catch(fail);
  const promoteTo = (one: VersionRow, before?: VersionRow, gate?: Gate) =>
    change.mutateAsync({ version: one.version, change: { isActive: true, gate } }).then(({ warnings }) => {
      const undo = before && { label: 'Undo', onAction: () => void makeLive(before) };
      notify(liveNote(versionTitle(one), warnings), undo);
    });
  const promote = () => void makeLive(version, live).finally(close);
  const loadIt = () => load.mutate(number, { onSuccess: () => onLoaded(version), onError: fail, onSettled: close });

  return (
    <tr aria-selected={isSelected}>
      <td>
        <div className={styles.version}>
          <span className={version.isActive ? styles.live : styles.past} aria-hidden />
          {openDialog === 'rename' ? (
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
      <td className={table.quiet}>{formatDate(version.createdAt)}</td>
      <td className={table.end}>
        <IconButton
          className={version.description ? styles.described : undefined}
          label={version.description || 'Add description'}
          aria-label={version.description ? `Description of ${title}` : `Add description to ${title}`}
          onClick={() => setOpenDialog('describe')}
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
              <MenuItem icon={<PencilLine size={15} aria-hidden />} onSelect={() => setOpenDialog('rename')}>
                Rename
              </MenuItem>
              <MenuItem icon={<FileText size={15} aria-hidden />} onSelect={() => setOpenDialog('describe')}>
                {version.description ? 'Edit description' : 'Add description'}
              </MenuItem>
            </>
          )}
          {can(workspace.role, 'write') && (
            <MenuItem icon={<FlaskConical size={15} aria-hidden />} onSelect={() => setOpenDialog('check')}>
              {version.isActive ? 'Check' : 'Check before promote'}
            </MenuItem>
          )}
          {can(workspace.role, 'admin') && !version.isActive && (
            <MenuItem icon={<RotateCcw size={15} aria-hidden />} onSelect={() => setOpenDialog('promote')}>
              Promote to live
            </MenuItem>
          )}
          {can(workspace.role, 'admin') && (
            <MenuItem icon={<SquareArrowDown size={15} aria-hidden />} onSelect={() => setOpenDialog('load')}>
              Load deployment
            </MenuItem>
          )}
          <MenuItem icon={<GitCompareArrows size={15} aria-hidden />} onSelect={() => onCompare(version)}>
            Compare
          </MenuItem>
        </Menu>
        {openDialog === 'describe' && <DescriptionDialog workflowId={workflowId} version={version} onClose={close} />}
        {openDialog === 'check' && (
          <CheckDialog
            workflowId={workflowId}
            title={`Check ${title}`}
            target={{ version: number }}
            publish={
              version.isActive ? undefined : { action: 'Promote', run: (gate) => promoteTo(version, live, gate) }
            }
            onClose={close}
          />
        )}
        <Confirm
          title="Promote to live"
          question={`Calls will run ${title}. The draft and the other versions are not affected.`}
          action="Promote to live"
          variant="primary"
          busy={change.isPending}
          open={openDialog === 'promote'}
          onClose={close}
          onConfirm={promote}
        />
        <Confirm
          title="Load Deployment"
          question={`This replaces the draft on your canvas with ${title}. The live version does not change.`}
          action="Load deployment"
          busy={load.isPending}
          open={openDialog === 'load'}
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
  /** Called with whether the field still has the focus, which the row then takes over. */
  onDone: (isInField: boolean) => void;
}

/** Inline name field. Enter and blur save, Escape cancels. A name that could not be saved stays in the field. */
function Rename({ workflowId, version, onDone }: RenameProps) {
  const { fail } = useToasts();
  const change = useUpdateVersion(workflowId);
  const [name, setName] = useState(version.name ?? '');
  const newName = name.trim();
  const isChanged = newName !== '' && newName !== version.name;
  useUnsavedForm(isChanged);
  const field = useRef<HTMLInputElement>(null);
  const done = () => onDone(document.activeElement === field.current);
  const finish = () => {
    if (!isChanged) done();
    else if (!change.isPending) {
      change.mutate({ version: version.version, change: { name: newName } }, { onSuccess: done, onError: fail });
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
      onBlur={finish}
      onKeyDown={(event) => {
        if (event.key === 'Enter') finish();
        if (event.key === 'Escape') done();
      }}
    />
  );
}
