import { Component, type ReactNode } from 'react';
import { Failure } from './states';

interface Props {
  /** Where the page is: elsewhere it is tried anew. */
  at?: string;
  children: ReactNode;
}

const NOT_FETCHED = /dynamically imported|preload/i;

/** Says so where a part of the page could not be fetched or drawn, and leaves the rest as it is. */
export class Boundary extends Component<Props, { error: unknown }> {
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
    return <Failure error={wordsFor(error)} onRetry={() => window.location.reload()} />;
  }
}

/** What is fetched late is not there while the server is away, and after an update of it. */
function wordsFor(error: unknown): unknown {
  const isGone = error instanceof Error && NOT_FETCHED.test(error.message);
  return isGone ? 'The server cannot be reached, or has a newer version of this page.' : error;
}
