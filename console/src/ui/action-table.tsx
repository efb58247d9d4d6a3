import type { ReactNode } from 'react';
import { classNames } from './class-names';
import table from './table.module.css';
import { TableFrame } from './table-frame';

/** Table with an action column at the end. */
export function ActionTable({
  label,
  columns,
  children,
}: {
  label: string;
  columns: readonly string[];
  children: ReactNode;
}) {
  return (
    <TableFrame label={label}>
      <table className={classNames(table.table, table.stack)}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </TableFrame>
  );
}
