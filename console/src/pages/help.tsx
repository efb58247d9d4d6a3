import { useQuery } from '@tanstack/react-query';
import { SearchX } from 'lucide-react';
import { useEffect, useMemo } from 'react';
import { Link } from 'wouter';
import { Logo } from '@/app/logo';
import { useTitle } from '@/app/use-title';
import { siteAnchorOf } from '@/help/headings';
import styles from '@/help/help.module.css';
import { Markdown, parse, plainText } from '@/help/markdown';
import { loadPage } from '@/help/pages';
import { Empty, LoadError, Skeleton } from '@/ui/states';

/** Page of the documentation. It needs no session. */
export function HelpPage({ name }: { name: string }) {
  const text = useQuery({
    queryKey: ['help', name],
    queryFn: () => loadPage(name),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className={styles.page}>
      <header className={styles.bar}>
        <Link href="/help" className={styles.brand}>
          <Logo size={22} />
          Flowport help
        </Link>
        <nav aria-label="Help" className={styles.links}>
          <Link href="/help">All pages</Link>
          <a href="/docs">API reference</a>
          <Link href="/">Console</Link>
        </nav>
      </header>
      {text.isPending && <Skeleton rows={8} />}
      {text.isError && <LoadError error={text.error} onRetry={text.refetch} />}
      {text.data === null && <NotFound />}
      {text.data && <Article key={name} name={name} text={text.data} />}
    </div>
  );
}

function NotFound() {
  useTitle('Page not found');
  return (
    <main>
      <Empty icon={<SearchX size={22} aria-hidden />} title="Page not found">
        The documentation has no such page. <Link href="/help">View all pages</Link>
      </Empty>
    </main>
  );
}

function Article({ name, text }: { name: string; text: string }) {
  const tokens = useMemo(() => parse(text), [text]);
  const headings = tokens.flatMap((token) =>
    token.type === 'heading' ? [{ depth: token.depth as number, text: plainText(token.tokens ?? []) }] : [],
  );
  const sections = headings.filter(({ depth }) => depth === 2);
  useTitle(headings[0] && `${headings[0].text} – Help`);
  useEffect(() => {
    // The browser looked for the section before its page was loaded.
    const section = document.getElementById(window.location.hash.slice(1));
    if (section) section.scrollIntoView();
    else window.scrollTo(0, 0);
  }, []);
  return (
    <div className={styles.columns}>
      <main className={styles.text}>
        <Markdown tokens={tokens} page={name} />
      </main>
      {sections.length > 1 && (
        <nav aria-label="On this page" className={styles.sections}>
          <p>On this page</p>
          <ul>
            {sections.map((section) => (
              <li key={section.text}>
                <a href={`#${siteAnchorOf(section.text)}`}>{section.text}</a>
              </li>
            ))}
          </ul>
        </nav>
      )}
    </div>
  );
}
