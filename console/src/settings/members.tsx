import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import { can, type Role, useSignedIn } from '@/api/session';
import {
  type Member,
  useInvitations,
  useInvite,
  useMembers,
  useRemoveMember,
  useSetRole,
  useWithdraw,
} from '@/api/team';
import { moment } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, Select, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { ShownOnce } from '@/ui/shown-once';
import { Failure, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import styles from './members.module.css';
import { Section } from './section';

const ROLES: readonly (readonly [Role, string])[] = [
  ['read', 'Reader: runs and looks'],
  ['write', 'Editor: also edits drafts'],
  ['admin', 'Admin: also deploys, keys, members'],
];

export function MembersSection() {
  const { workspace } = useSignedIn();
  const members = useMembers();
  const [inviting, setInviting] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Section
        title="Members"
        about="Who works in this workspace, and what they may."
        action={
          isAdmin && (
            <Button look="primary" icon={<UserPlus size={16} aria-hidden />} onClick={() => setInviting(true)}>
              Invite
            </Button>
          )
        }
      >
        {members.isPending && <Skeleton rows={2} />}
        {members.isLoadingError && <Failure error={members.error} onRetry={members.refetch} />}
        {members.data && <MemberTable members={members.data} isAdmin={isAdmin} />}
      </Section>
      {/* Not before what stands above it has its size: it would jump. */}
      {isAdmin && !members.isPending && <Invitations />}
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
    </>
  );
}

function MemberTable({ members, isAdmin }: { members: readonly Member[]; isAdmin: boolean }) {
  return (
    <ActionTable label="Member table" columns={['Name', 'Role', 'Joined']}>
      {members.map((member) => (
        <MemberLine key={member.id} member={member} isAdmin={isAdmin} />
      ))}
    </ActionTable>
  );
}

function MemberLine({ member, isAdmin }: { member: Member; isAdmin: boolean }) {
  const { user } = useSignedIn();
  const { fail } = useToasts();
  const setRole = useSetRole();
  const remove = useRemoveMember();
  const [asked, setAsked] = useState(false);
  const isMe = member.id === user.id;
  return (
    <tr>
      <td>
        {member.name} {isMe && <span className={table.quiet}>(you)</span>}
        <br />
        <span className={table.quiet}>{member.email}</span>
      </td>
      <td>
        <Select
          aria-label={`Role of ${member.name}`}
          className={styles.role}
          value={member.role}
          disabled={!isAdmin || isMe}
          onChange={(event) => setRole.mutate({ id: member.id, role: event.target.value as Role }, { onError: fail })}
        >
          {ROLES.map(([role, text]) => (
            <option key={role} value={role}>
              {text}
            </option>
          ))}
        </Select>
      </td>
      <td className={table.quiet}>{moment(member.joinedAt)}</td>
      <td className={table.end}>
        {isAdmin && !isMe && (
          <Button aria-label={`Remove ${member.name}`} onClick={() => setAsked(true)}>
            Remove
          </Button>
        )}
        <Confirm
          title={`Remove ${member.name}?`}
          question="They lose access at once, and their keys stop working here."
          action="Remove"
          busy={remove.isPending}
          open={asked}
          onClose={() => setAsked(false)}
          onConfirm={() => remove.mutate(member.id, { onError: fail, onSettled: () => setAsked(false) })}
        />
      </td>
    </tr>
  );
}

function Invitations() {
  const { fail } = useToasts();
  const invitations = useInvitations();
  const withdraw = useWithdraw();
  if (!invitations.data?.length) return null;
  return (
    <Section title="Open invitations">
      <ActionTable label="Invitation table" columns={['For', 'Role', 'Good until']}>
        {invitations.data.map((invitation) => (
          <tr key={invitation.id}>
            <td>{invitation.email ?? 'Whoever has the link'}</td>
            <td className={table.quiet}>{invitation.role}</td>
            <td className={table.quiet}>{moment(invitation.expiresAt)}</td>
            <td className={table.end}>
              <Button onClick={() => withdraw.mutate(invitation.id, { onError: fail })}>Withdraw</Button>
            </td>
          </tr>
        ))}
      </ActionTable>
    </Section>
  );
}

function InviteDialog({ onClose }: { onClose: () => void }) {
  const invite = useInvite();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('write');
  if (invite.data) {
    return (
      <ShownOnce
        title="Invitation link"
        description="Send it to them. It is not shown again."
        text={invite.data}
        copy="Copy link"
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog
      title="Invite someone"
      action="Make link"
      busy={invite.isPending}
      error={invite.error}
      onSubmit={() => invite.mutate({ role, email: email.trim() || null })}
      onClose={onClose}
    >
      <Field label="Email" hint="Only this person can use the link; leave it empty for anyone who has it.">
        {(control) => (
          <TextInput
            {...control}
            type="email"
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Field label="Role">
        {(control) => (
          <Select {...control} value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {ROLES.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </FormDialog>
  );
}
