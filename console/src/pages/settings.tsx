export function SettingsPage({ section }: { section: string }) {
  return <p>{section}</p>;
}
