import { CircleHelp } from 'lucide-react';
import { IconLink } from '@/ui/button';
import { helpHref, TOPICS, type Topic, type TopicName } from './topics';

/** Link to the documentation of a page or control, in a new tab. */
export function HelpLink({ topic }: { topic: TopicName | Topic }) {
  const about = typeof topic === 'string' ? TOPICS[topic] : topic;
  return (
    <IconLink label={`Help: ${about.title}`} href={helpHref(about)}>
      <CircleHelp size={17} aria-hidden />
    </IconLink>
  );
}
