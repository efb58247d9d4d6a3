import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { SearchX } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { ApiError, isStatus } from '@/api/errors';
import { useSession } from '@/api/session';
import { NoWorkspacePage } from '@/pages/no-workspace';
import { SignInPage } from '@/pages/sign-in';
import { ErrorBoundary } from '@/ui/error-boundary';
import { Empty, LoadError } from '@/ui/states';
import { TipProvider } from '@/ui/tip';
import { ToastProvider } from '@/ui/toasts';
import { RefreshErrorNotice } from './refresh-error-notice';
import { PageSkeleton, Shell } from './shell';
import { useTitle } from './use-title';

const HomePage = lazy(() => import('@/pages/home').then((module) => ({ default: module.HomePage })));
const WorkflowPage = lazy(() => import('@/pages/workflow').then((module) => ({ default: module.WorkflowPage })));
const RunsPage = lazy(() => import('@/pages/runs').then((module) => ({ default: module.RunsPage })));
const RunPage = lazy(() => import('@/pages/run').then((module) => ({ default: module.RunPage })));
const RunCanvasPage = lazy(() => import('@/pages/run-canvas').then((module) => ({ default: module.RunCanvasPage })));
const ReplaysPage = lazy(() => import('@/pages/replays').then((module) => ({ default: module.ReplaysPage })));
const ReplayPage = lazy(() => import('@/pages/replay').then((module) => ({ default: module.ReplayPage })));
const RecordingsPage = lazy(() => import('@/pages/recordings').then((module) => ({ default: module.RecordingsPage })));
const RecordingPage = lazy(() => import('@/pages/recording').then((module) => ({ default: module.RecordingPage })));
const SettingsPage = lazy(() => import('@/pages/settings').then((module) => ({ default: module.SettingsPage })));
const HelpPage = lazy(() => import('@/pages/help').then((module) => ({ default: module.HelpPage })));
const InvitePage = lazy(() => import('@/pages/invite').then((module) => ({ default: module.InvitePage })));

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey }) => queryKey[0] === 'session' || refreshSessionOn401(error),
  }),
  mutationCache: new MutationCache({ onError: refreshSessionOn401 }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status < 500),
    },
  },
});

/** Reload the session after any 401: an expired session leads to the sign-in page. */
function refreshSessionOn401(error: unknown): void {
  if (isStatus(error, 401)) void queries.invalidateQueries({ queryKey: ['session'] });
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <TipProvider delayDuration={350}>
        <ToastProvider>
          <Switch>
            <Route path="/invite">
              <ErrorBoundary>
                <Suspense>
                  <InvitePage />
                </Suspense>
              </ErrorBoundary>
            </Route>
            <Route path="/help/*?">
              {({ '*': name }) => (
                <ErrorBoundary>
                  <Suspense fallback={<PageSkeleton />}>
                    <HelpPage name={name || 'README'} />
                  </Suspense>
                </ErrorBoundary>
              )}
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
  if (session.isLoadingError) return <LoadError error={session.error} onRetry={session.refetch} />;
  if (!session.data) return <SignInPage />;
  return (
    <Shell>
      <RefreshErrorNotice />
      <ErrorBoundary at={location}>
        <Suspense fallback={<PageSkeleton />}>
          <Switch>
            <Route path="/">
              <HomePage />
            </Route>
            <Route path="/workflows/:id">{({ id }) => <WorkflowPage key={id} id={id} />}</Route>
            <Route path="/workflows/:id/replays">{({ id }) => <ReplaysPage key={id} id={id} />}</Route>
            <Route path="/workflows/:id/replays/:replayId">
              {({ id, replayId }) => <ReplayPage key={replayId} id={id} replayId={replayId} />}
            </Route>
            <Route path="/workflows/:id/recordings">{({ id }) => <RecordingsPage key={id} id={id} />}</Route>
            <Route path="/workflows/:id/recordings/:runId">
              {({ id, runId }) => <RecordingPage key={runId} id={id} runId={runId} />}
            </Route>
            <Route path="/runs">
              <RunsPage />
            </Route>
            <Route path="/runs/:workflowId/:runId">
              {({ workflowId, runId }) => <RunPage key={runId} workflowId={workflowId} runId={runId} />}
            </Route>
            <Route path="/runs/:workflowId/:runId/canvas">
              {({ runId }) => <RunCanvasPage key={runId} runId={runId} />}
            </Route>
            <Route path="/resume/:workflowId/:runId/:rest?">
              {({ workflowId, runId }) => <Redirect to={`/runs/${workflowId}/${runId}`} replace />}
            </Route>
            <Route path="/settings/:section?">{({ section }) => <SettingsPage section={section ?? 'keys'} />}</Route>
            <Route>
              <NotFoundPage />
            </Route>
          </Switch>
        </Suspense>
      </ErrorBoundary>
    </Shell>
  );
}

function NotFoundPage() {
  useTitle('Page not found');
  return (
    <Empty icon={<SearchX size={22} aria-hidden />} title="Page not found">
      Check the URL. <Link href="/">View all workflows</Link>
    </Empty>
  );
}
