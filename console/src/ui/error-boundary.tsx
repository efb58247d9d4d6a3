import { Component, type ReactNode } from 'react';
import { LoadError } from './states';

interface Props {
  /** Location of the page. A change clears the error. */
  at?: string;
  children: ReactNode;
}

const CHUNK_ERROR = /dynamically imported|preload/i;

/** Error boundary: shows an error in place of children that could not be loaded or rendered. */
export class ErrorBoundary extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidUpdate({ at }: Props) {
    if (at !== this.props.at && this.state.error !== null) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return <LoadError error={explain(error)} onRetry={() => window.location.reload()} />;
  }
}

/** Lazy chunks fail to load while the server is unreachable, and after a deploy removed them. */
function explain(error: unknown): unknown {
  const isChunkError = error instanceof Error && CHUNK_ERROR.test(error.message);
  return isChunkError ? 'The server is unreachable, or the console was updated. Reload the page to continue.' : error;
}
