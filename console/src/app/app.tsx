import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { SearchX } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { ApiError, isStatus } from '@/api/errors';
import { useSession } from '@/api/session';
import { NoWorkspacePage } from '@/pages/no-workspace';
import { SignInPage } from '@/pages/sign-in';
import { Boundary } from '@/ui/boundary';
import { Empty, Failure } from '@/ui/states';
import { TipProvider } from '@/ui/tip';
import { ToastProvider } from '@/ui/toasts';
import { OutdatedNotice } from './outdated-notice';
import { PageSkeleton, Shell } from './shell';
import { useTitle } from './use-title';

const HomePage = lazy(() => import('@/pages/home').then((module) => ({ default: module.HomePage })));
const WorkflowPage = lazy(() => import('@/pages/workflow').then((module) => ({ default: module.WorkflowPage })));
const RunsPage = lazy(() => import('@/pages/runs').then((module) => ({ default: module.RunsPage })));
const RunPage = lazy(() => import('@/pages/run').then((module) => ({ default: module.RunPage })));
const SettingsPage = lazy(() => import('@/pages/settings').then((module) => ({ default: module.SettingsPage })));
const InvitePage = lazy(() => import('@/pages/invite').then((module) => ({ default: module.InvitePage })));

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, { queryKey }) => queryKey[0] === 'session' || askWhoIsThere(error) }),
  mutationCache: new MutationCache({ onError: askWhoIsThere }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
    },
  },
});

/** A session that has ended shows itself as 401 anywhere: the sign-in page takes over. */
function askWhoIsThere(error: unknown): void {
  if (isStatus(error, 401)) void queries.invalidateQueries({ queryKey: ['session'] });
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <TipProvider delayDuration={350}>
        <ToastProvider>
          <Switch>
            <Route path="/invite">
              <Boundary>
                <Suspense>
                  <InvitePage />
                </Suspense>
              </Boundary>
            </Route>
            <Route>
              <Inside />
            </Route>
          </Switch>
        </ToastProvider>
      </TipProvider>
    </QueryClientProvider>
  );
}

function Inside() {
  const session = useSession();
  const [location] = useLocation();
  if (session.isPending) return <PageSkeleton />;
  if (isStatus(session.error, 403)) return <NoWorkspacePage />;
  if (session.isLoadingError) return <Failure error={session.error} onRetry={session.refetch} />;
  if (!session.data) return <SignInPage />;
  return (
    <Shell>
      <OutdatedNotice />
      <Boundary at={location}>
        <Suspense fallback={<PageSkeleton />}>
          <Switch>
            <Route path="/">
              <HomePage />
            </Route>
            <Route path="/workflows/:id">{({ id }) => <WorkflowPage key={id} id={id} />}</Route>
            <Route path="/runs">
              <RunsPage />
            </Route>
            <Route path="/runs/:workflowId/:runId">
              {({ workflowId, runId }) => <RunPage key={runId} workflowId={workflowId} runId={runId} />}
            </Route>
            <Route path="/resume/:workflowId/:runId/:rest?">
              {({ workflowId, runId }) => <Redirect to={`/runs/${workflowId}/${runId}`} replace />}
            </Route>
            <Route path="/settings/:section?">{({ section }) => <SettingsPage section={section ?? 'keys'} />}</Route>
            <Route>
              <NoSuchPage />
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  );
}

function NoSuchPage() {
  useTitle('No such page');
  return (
    <Empty icon={<SearchX size={22} aria-hidden />} title="There is no such page">
      The address may be mistyped. <Link href="/">All workflows</Link>
    </Empty>
  );
}
