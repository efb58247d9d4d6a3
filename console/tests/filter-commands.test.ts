import { expect, test } from 'vitest';
import { filterCommands } from '@/app/filter-commands';

const run = () => undefined;

function group(title: string, ...titles: string[]) {
  return { title, options: titles.map((each) => ({ id: each, title: each, about: `About ${each}`, run })) };
}

const titlesOf = (groups: ReturnType<typeof filterCommands>) =>
  groups.map(({ options }) => options.map(({ title }) => title));

test('shows the first commands of each group without a search', () => {
  const many = group('Workflows', ...Array.from({ length: 40 }, (_, index) => `Workflow ${index}`));
  expect(titlesOf(filterCommands([many, group('Actions', 'New workflow')], '')).map((titles) => titles.length)).toEqual(
    [5, 1],
  );
});

test('finds commands that contain every word, in any order', () => {
  const groups = [group('Workflows', 'Order intake', 'Order report'), group('Settings', 'API keys')];
  expect(titlesOf(filterCommands(groups, 'report order'))).toEqual([['Order report'], []]);
});

test('finds commands by the name of their group', () => {
  expect(titlesOf(filterCommands([group('Settings', 'API keys', 'Members')], 'settings mem'))).toEqual([['Members']]);
});
