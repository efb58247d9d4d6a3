import { SearchX } from 'lucide-react';
import { Link } from 'wouter';
import { Empty } from '@/ui/states';

export function RunNotFound() {
  return (
    <Empty icon={<SearchX size={22} aria-hidden />} title="Run not found">
      It may have passed its retention period. <Link href="/runs">View all runs</Link>
    </Empty>
  );
}
