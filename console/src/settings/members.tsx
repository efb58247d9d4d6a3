import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import { can, type Role, useSignedIn } from '@/api/session';
import {
  type Member,
  useInvitations,
  useInvite,
  useMembers,
  useRemoveMember,
  useRevokeInvitation,
  useSetRole,
} from '@/api/team';
import { formatDate } from '@/app/format';
import { ActionTable } from '@/ui/action-table';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/dialog';
import { Field, Select, TextInput } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { ShowOnceDialog } from '@/ui/show-once-dialog';
import { LoadError, Skeleton } from '@/ui/states';
import table from '@/ui/table.module.css';
import { useToasts } from '@/ui/toasts';
import styles from './members.module.css';
import { Section } from './section';

const ROLES: readonly (readonly [Role, string])[] = [
  ['read', 'Reader: view and run'],
  ['write', 'Editor: also edit drafts'],
  ['admin', 'Admin: full access'],
];

const ROLE_NAMES: Record<Role, string> = { read: 'Reader', write: 'Editor', admin: 'Admin' };
export function MembersSection() {
  const { workspace } = useSignedIn();
  const members = useMembers();
  const [inviting, setInviting] = useState(false);
  const isAdmin = can(workspace.role, 'admin');
  return (
    <>
      <Section
        title="Members"
        about="Members and their roles."
        action={
          isAdmin && (
            <Button variant="primary" icon={<UserPlus size={16} aria-hidden />} onClick={() => setInviting(true)}>
              Invite
            </Button>
          )
        }
      >
        {members.isPending && <Skeleton rows={2} />}
        {members.isLoadingError && <LoadError error={members.error} onRetry={members.refetch} />}
        {members.data && <MemberTable members={members.data} isAdmin={isAdmin} />}
      </Section>
      {/* Rendered after the table above has loaded, to avoid a layout shift. */}
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
  const [isConfirming, setConfirming] = useState(false);
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
      <td className={table.quiet}>{formatDate(member.joinedAt)}</td>
      <td className={table.end}>
        {isAdmin && !isMe && (
          <Button aria-label={`Remove ${member.name}`} onClick={() => setConfirming(true)}>
            Remove
          </Button>
        )}
        <Confirm
          title={`Remove ${member.name}?`}
          question="They lose access immediately, and their personal keys stop working in this workspace."
          action="Remove"
          busy={remove.isPending}
          open={isConfirming}
          onClose={() => setConfirming(false)}
          onConfirm={() => remove.mutate(member.id, { onError: fail, onSettled: () => setConfirming(false) })}
        />
      </td>
    </tr>
  );
}

function Invitations() {
  const { fail } = useToasts();
  const invitations = useInvitations();
  const revoke = useRevokeInvitation();
  if (!invitations.data?.length) return null;
  return (
    <Section title="Pending invitations">
      <ActionTable label="Invitation table" columns={['Email', 'Role', 'Expires']}>
        {invitations.data.map((invitation) => (
          <tr key={invitation.id}>
            <td>{invitation.email ?? 'Anyone with the link'}</td>
            <td className={table.quiet}>{ROLE_NAMES[invitation.role]}</td>
            <td className={table.quiet}>{formatDate(invitation.expiresAt)}</td>
            <td className={table.end}>
              <Button
                aria-label={`Revoke the invitation for ${invitation.email ?? 'anyone with the link'}`}
                onClick={() => revoke.mutate(invitation.id, { onError: fail })}
              >
                Revoke
              </Button>
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
      <ShowOnceDialog
        title="Invitation link"
        description="Send this link to the person you invite. You will not be able to see it again."
        text={invite.data}
        copy="Copy link"
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog
      title="Invite a member"
      help="members"
      action="Create link"
      busy={invite.isPending}
      error={invite.error}
      onSubmit={() => invite.mutate({ role, email: email.trim() || null })}
      onClose={onClose}
    >
      <Field label="Email" hint="Only this person can use the link. Leave empty to let anyone with the link join.">
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
